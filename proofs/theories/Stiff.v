(** Where a minimum is attained, the cost is as the descent argument needs it (Rounds.v): any degree, any strictly convex
    cost, any graph. Points of bounded cost have bounded exponents there, costs lie above their tangents by fixed amounts,
    and residuals are uniformly continuous. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity Tangent Circulation Linear Rounds.
Open Scope R_scope.

(** Residuals are uniformly continuous on bounded exponents. *)
Lemma residual_uniform g r M eps : 0 < eps -> 0 <= M -> exists d, 0 < d /\ forall x y,
  (forall e, In e (connections g) -> Rabs (exponent g x e) <= M) ->
  (forall e, In e (connections g) -> Rabs (exponent g y e) <= M) ->
  (forall e, In e (connections g) -> Rabs (exponent g y e - exponent g x e) <= d) ->
  forall i, Rabs (residual g r y i - residual g r x i) <= eps.
Proof.
  intros P PM. set (K := sum (fun e => 1 + degree g (tail e)) (connections g)).
  assert (PK : 0 <= K) by (apply sum_nonneg; intros e _; pose proof (cond_pos (degree g (tail e))); lra).
  set (eps' := eps / (K + 1)). assert (Pe : 0 < eps') by (apply Rdiv_lt_0_compat; lra).
  destruct (common_positive (fun e d => forall s t, Rabs s <= M -> Rabs t <= M -> Rabs (t - s) <= d ->
    Rabs (slope r e t - slope r e s) <= eps') (connections g)) as [d [Pd H]].
  { intros e d d' Q L s t Bs Bt D. apply Q; auto. lra. }
  { intros e _. now apply slope_uniform. }
  exists d. split; auto. intros x y Bx By D i. unfold residual. rewrite !divergence_sum, <- sum_minus.
  eapply Rle_trans; [apply sum_Rabs|]. apply Rle_trans with (eps' * K).
  - unfold K. rewrite <- sum_scale. apply sum_le. intros e I. rewrite <- Rmult_minus_distr_r, Rabs_mult.
    pose proof (H e I (exponent g x e) (exponent g y e) (Bx e I) (By e I) (D e I)).
    pose proof (cond_pos (degree g (tail e))).
    apply Rmult_le_compat; auto using Rabs_pos.
    destruct (Nat.eqb (head e) i); destruct (Nat.eqb_spec (tail e) i) as [<-|]; unfold Rabs; destruct Rcase_abs; lra.
  - replace eps with (eps' * (K + 1)) by (unfold eps'; field; lra). nra.
Qed.

Section Minimum.
Variables (g : graph) (r : regularizer) (V : point).
Hypothesis V_minimum : minimum g r V.

(** Small residuals on a set of units and bounded exponents of a direction there: a small change of the cost. *)
Lemma pairing_bound J M : NoDup J -> 0 <= M -> exists W, 0 <= W /\ forall x h eps, 0 <= eps ->
  (forall i, In i (units g) -> ~ In i J -> h i = 0) ->
  (forall e, In e (connections g) -> Rabs (exponent g h e) <= M) ->
  (forall i, In i J -> Rabs (residual g r x i) <= eps) ->
  Rabs (sum (fun i => h i * residual g r x i) (units g)) <= W * eps.
Proof.
  intros ND PM. destruct (bounded_exponents g J ND) as [C [PC H]].
  exists (sum (fun _ => C * M) (units g)).
  assert (PCM : 0 <= C * M) by now apply Rmult_le_pos.
  split; [apply sum_nonneg; auto|]. intros x h eps Pe S B Q.
  destruct (H (keep J h) M PM (keep_supported J h)) as [y [Sy [Ey By]]].
  { intros e I. rewrite keep_exponent; auto. }
  assert (E : sum (fun i => h i * residual g r x i) (units g) = sum (fun i => y i * residual g r x i) (units g)).
  { unfold residual. rewrite <- !by_parts. apply sum_ext. intros e I. rewrite Ey, keep_exponent by auto. reflexivity. }
  rewrite E. eapply Rle_trans; [apply sum_Rabs|]. rewrite Rmult_comm, <- sum_scale. apply sum_le. intros i _.
  rewrite Rabs_mult. destruct (in_dec Nat.eq_dec i J) as [I|N].
  - rewrite Rmult_comm. apply Rmult_le_compat; auto using Rabs_pos.
  - rewrite (Sy i N), Rabs_R0. nra.
Qed.

(** Moving units of small residuals without raising the cost changes the exponents little. *)
Lemma slice J M eta : NoDup J -> 0 <= M -> 0 < eta -> exists d, 0 < d /\ forall x y,
  (forall i, In i (units g) -> ~ In i J -> y i = x i) ->
  (forall e, In e (connections g) -> Rabs (exponent g x e) <= M) ->
  (forall e, In e (connections g) -> Rabs (exponent g y e) <= M) ->
  (forall i, In i J -> Rabs (residual g r x i) <= d) -> total g r y <= total g r x ->
  forall e, In e (connections g) -> Rabs (exponent g y e - exponent g x e) <= eta.
Proof.
  intros ND PM Pe. destruct (pairing_bound J (M + M) ND ltac:(lra)) as [W [PW H]].
  destruct (common_positive (fun e d => forall s t, Rabs s <= M -> Rabs t <= M -> eta <= Rabs (t - s) ->
    d <= above_tangent r e s t) (connections g)) as [b [Pb B]].
  { intros e d d' K L s t Bs Bt D. specialize (K s t Bs Bt D). lra. }
  { intros e _. now apply above_tangent_rises. }
  exists (b / (W + 1)). assert (Pd : 0 < b / (W + 1)) by (apply Rdiv_lt_0_compat; lra). split; auto.
  intros x y S Bx By Q T e I. apply Rnot_lt_le. intro L.
  pose proof (total_difference g r x y) as E.
  pose proof (H x (fun i => y i - x i) (b / (W + 1)) ltac:(lra)) as K.
  assert (W * (b / (W + 1)) < b).
  { replace b with ((W + 1) * (b / (W + 1))) at 2 by (field; lra). nra. }
  pose proof (sum_member (fun e => above_tangent r e (exponent g x e) (exponent g y e)) (connections g) e
    ltac:(intros; apply above_tangent_nonneg) I) as A. cbv beta in A.
  pose proof (B e I (exponent g x e) (exponent g y e) (Bx e I) (By e I) ltac:(lra)).
  assert (K' : Rabs (sum (fun i => (y i - x i) * residual g r x i) (units g)) <= W * (b / (W + 1))).
  { apply K; auto.
    - intros i U N. rewrite S by auto. ring.
    - intros e' I'. rewrite exponent_minus. eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp.
      pose proof (Bx e' I'). pose proof (By e' I'). lra. }
  clear K. unfold Rabs in K'. destruct Rcase_abs in K'; lra.
Qed.

(** Small residuals everywhere: the cost is near the minimum. *)
Lemma residuals_bound_excess F eta : 0 < eta -> exists eps, 0 < eps /\ forall x, grounded g x -> total g r x <= F ->
  (forall i, In i (active g) -> Rabs (residual g r x i) <= eps) -> total g r x < total g r V + eta.
Proof.
  intro Pe. destruct (cost_bounds_exponents g r V F V_minimum) as [M [PM B]].
  destruct (cost_bounds_exponents g r V (total g r V) V_minimum) as [M' [PM' B']].
  destruct (pairing_bound (active g) (M + M') (active_nodup g) ltac:(lra)) as [W [PW H]].
  exists (eta / (W + 1)). assert (Pd : 0 < eta / (W + 1)) by (apply Rdiv_lt_0_compat; lra). split; auto.
  intros x G L Q. pose proof (total_above_tangent g r x V) as T.
  assert (K : Rabs (sum (fun i => (V i - x i) * residual g r x i) (units g)) <= W * (eta / (W + 1))).
  { apply H; [lra| | |auto].
    - intros i U N. assert (Z : free g i = false).
      { destruct (free g i) eqn:E; auto. exfalso. apply N. now apply active_free. }
      rewrite G, (proj1 V_minimum) by auto. ring.
    - intros e I. rewrite exponent_minus. eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp.
      pose proof (B x G L e I). pose proof (B' V (proj1 V_minimum) ltac:(lra) e I). lra. }
  assert (W * (eta / (W + 1)) < eta).
  { replace eta with ((W + 1) * (eta / (W + 1))) at 2 by (field; lra). nra. }
  unfold Rabs in K. destruct Rcase_abs in K; lra.
Qed.

Theorem minimum_stiff : stiff g r.
Proof.
  intros F J eps ND Pe. destruct (cost_bounds_exponents g r V F V_minimum) as [M [PM B]].
  destruct (residual_uniform g r M eps Pe PM) as [eta [Pn U]]. destruct (slice J M eta ND PM Pn) as [d [Pd H]].
  exists d. split; auto. intros x y Gx Gy Tx Ty S Q.
  assert (Bx : forall e, In e (connections g) -> Rabs (exponent g x e) <= M) by now apply B.
  assert (By : forall e, In e (connections g) -> Rabs (exponent g y e) <= M) by (apply B; auto; lra).
  apply U; auto.
Qed.

Lemma minimum_leads : leads g r (total g r V).
Proof. split; [apply V_minimum|exact residuals_bound_excess]. Qed.
End Minimum.
