(** The descent argument: where a minimum is attained, a round of local steps in which every unit has its turn lowers the
    total cost by a fixed amount, until the cost is near the minimum. Any degree, any strictly convex cost, any graph,
    grounded or not; the steps may be any that lower the cost enough.

    [effective g r R]   R i x y says that y may follow x when unit i has its turn. Only the log-scale of i changes, i is
                        free, the cost does not rise, and on points of bounded cost it falls by a fixed amount as long as
                        the residual of i is not small.
    [steps R s X]       the sequence X of points takes such steps, unit s n at step n.
    [covers g s n k]    every free unit with a connection has a turn among the k steps from step n on.
    [active g]          these units (Linear.v). *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Convexity Tangent Circulation Linear.
Import ListNotations.
Open Scope R_scope.

Definition effective g r (R : nat -> point -> point -> Prop) :=
  (forall i x y, R i x y -> free g i = true /\ (forall j, j <> i -> y j = x j) /\ total g r y <= total g r x) /\
  (forall F eps, 0 < eps -> exists delta, 0 < delta /\ forall i x y, grounded g x -> total g r x <= F -> R i x y ->
     eps <= Rabs (residual g r x i) -> total g r y <= total g r x - delta).

Definition steps (R : nat -> point -> point -> Prop) (s : nat -> nat) (X : nat -> point) :=
  forall n, R (s n) (X n) (X (S n)).

Definition covers g (s : nat -> nat) n k := forall i, In i (active g) -> exists m, (n <= m < n + k)%nat /\ s m = i.

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

Section Descent.
Variables (g : graph) (r : regularizer) (V : point) (R : nat -> point -> point -> Prop).
Hypotheses (V_minimum : minimum g r V) (R_effective : effective g r R).

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
Theorem residuals_bound_excess F eta : 0 < eta -> exists eps, 0 < eps /\ forall x, grounded g x -> total g r x <= F ->
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

Section Steps.
Variables (s : nat -> nat) (X : nat -> point).
Hypothesis X_steps : steps R s X.

Lemma steps_grounded n k : grounded g (X n) -> grounded g (X (n + k)%nat).
Proof.
  intro G. induction k as [|k IH]; [now rewrite Nat.add_0_r|]. rewrite Nat.add_succ_r. intros i F.
  destruct (proj1 R_effective _ _ _ (X_steps (n + k)%nat)) as [Fs [O _]]. rewrite O by congruence. auto.
Qed.

Lemma steps_lower n m : (n <= m)%nat -> total g r (X m) <= total g r (X n).
Proof.
  induction 1 as [|m L IH]; [lra|]. destruct (proj1 R_effective _ _ _ (X_steps m)) as [_ [_ T]]. lra.
Qed.

Lemma steps_elsewhere i n m : (n <= m)%nat -> (forall k, (n <= k < m)%nat -> s k <> i) -> X m i = X n i.
Proof.
  induction 1 as [|m L IH]; intro N; auto. destruct (proj1 R_effective _ _ _ (X_steps m)) as [_ [O _]].
  rewrite O; [apply IH; intros; apply N; lia|]. intro E. apply (N m); [lia|auto].
Qed.
End Steps.

(** The first step that visits a unit of a list *)
Lemma first_visit (s : nat -> nat) (l : list nat) n k : (exists m, (n <= m < n + k)%nat /\ In (s m) l) ->
  exists m, (n <= m < n + k)%nat /\ In (s m) l /\ forall j, (n <= j < m)%nat -> ~ In (s j) l.
Proof.
  induction k as [|k IH]; intros [m [L I]]; [lia|].
  destruct (Nat.eq_dec m (n + k)) as [->|D].
  - destruct (existsb (fun j => if in_dec Nat.eq_dec (s j) l then true else false) (seq n k)) eqn:E.
    + apply existsb_exists in E. destruct E as [j [J E]]. apply in_seq in J. destruct in_dec as [Q|]; [|discriminate].
      destruct IH as [m' [L' H]]; [exists j; split; [lia|auto]|]. exists m'. split; [lia|auto].
    + exists (n + k)%nat. split; [lia|]. split; auto. intros j J Q.
      assert (T : existsb (fun j => if in_dec Nat.eq_dec (s j) l then true else false) (seq n k) = true).
      { apply existsb_exists. exists j. split; [apply in_seq; lia|]. destruct in_dec; tauto. }
      congruence.
  - destruct IH as [m' [L' H]]; [exists m; split; [lia|auto]|]. exists m'. split; [lia|auto].
Qed.

(** Where a round lowers the cost by little, all residuals at its start are small: if those of J are, then so is that of
    the first unit outside J that has its turn, for the point has hardly moved until then. *)
Lemma round_flattens F eps c : 0 < eps -> forall J, NoDup J -> incl J (active g) ->
  (length (active g) - length J <= c)%nat -> exists d, 0 < d /\
  forall s X n k, steps R s X -> grounded g (X n) -> total g r (X n) <= F -> covers g s n k ->
  total g r (X n) - total g r (X (n + k)%nat) < d -> (forall i, In i J -> Rabs (residual g r (X n) i) <= d) ->
  forall i, In i (active g) -> Rabs (residual g r (X n) i) <= eps.
Proof.
  intro Pe. destruct (cost_bounds_exponents g r V F V_minimum) as [M [PM B]].
  induction c as [|c IH]; intros J ND In_J L.
  { exists eps. split; auto. intros s X n k _ _ _ _ _ H i I. apply H.
    assert (Q : (length (active g) <= length J)%nat) by lia. exact (NoDup_length_incl ND Q In_J i I). }
  set (out := filter (fun i => if in_dec Nat.eq_dec i J then false else true) (active g)).
  assert (Out : forall i, In i out <-> In i (active g) /\ ~ In i J).
  { intro i. unfold out. rewrite filter_In. destruct in_dec; split; intros [? ?]; split; auto; try discriminate; tauto. }
  destruct (common_positive (fun j d => forall s X n k, steps R s X -> grounded g (X n) -> total g r (X n) <= F ->
    covers g s n k -> total g r (X n) - total g r (X (n + k)%nat) < d ->
    (forall i, In i (j :: J) -> Rabs (residual g r (X n) i) <= d) ->
    forall i, In i (active g) -> Rabs (residual g r (X n) i) <= eps) out) as [d1 [Pd1 H1]].
  { intros j d d' K Q s X n k S G T C D N. apply (K s X n k S G T C); [lra|]. intros i I. specialize (N i I). lra. }
  { intros j I. apply Out in I. apply IH.
    - now constructor.
    - intros i [<-|K]; [tauto|auto].
    - simpl. lia. }
  destruct (residual_uniform g r M (d1 / 2) ltac:(lra) PM) as [eta [Pn U]].
  destruct (slice J M eta ND PM Pn) as [d2 [Pd2 H2]].
  destruct (proj2 R_effective F (d1 / 2) ltac:(lra)) as [d3 [Pd3 H3]].
  set (d := Rmin (Rmin eps d1) (Rmin d2 d3)).
  assert (d <= eps /\ d <= d1 /\ d <= d2 /\ d <= d3) as [De [D1 [D2 D3]]].
  { unfold d. pose proof (Rmin_l (Rmin eps d1) (Rmin d2 d3)). pose proof (Rmin_r (Rmin eps d1) (Rmin d2 d3)).
    pose proof (Rmin_l eps d1). pose proof (Rmin_r eps d1). pose proof (Rmin_l d2 d3). pose proof (Rmin_r d2 d3). lra. }
  exists d. split; [unfold d; repeat apply Rmin_pos; auto|].
  intros s X n k S G T C Dec Small i I.
  destruct (in_dec Nat.eq_dec i J) as [J_i|N_i]; [specialize (Small i J_i); lra|].
  destruct (C i I) as [m0 [Lm0 E0]].
  destruct (first_visit s out n k) as [m [Lm [Om First]]].
  { exists m0. split; auto. rewrite E0. now apply Out. }
  assert (Gm : grounded g (X m)).
  { replace m with (n + (m - n))%nat by lia. now apply (steps_grounded s). }
  pose proof (steps_lower s X S n m ltac:(lia)) as T1.
  pose proof (steps_lower s X S (1 + m)%nat (n + k)%nat ltac:(lia)) as T2. simpl in T2.
  assert (Rm : Rabs (residual g r (X m) (s m)) < d1 / 2).
  { apply Rnot_le_lt. intro Q. pose proof (H3 (s m) (X m) (X (1 + m)%nat) Gm ltac:(lra) (S m) Q) as Z. simpl in Z. lra. }
  assert (Move : forall e, In e (connections g) -> Rabs (exponent g (X m) e - exponent g (X n) e) <= eta).
  { apply H2; auto.
    - intros j U_j N_j. destruct (free g j) eqn:F_j; [|now rewrite (Gm j), (G j)].
      apply (steps_elsewhere s X S); [lia|]. intros l Ll Q. apply (First l Ll). rewrite Q. apply Out.
      split; auto. now apply active_free.
    - intros e Ie. apply B; auto. lra.
    - intros j J_j. specialize (Small j J_j). lra. }
  assert (Rn : Rabs (residual g r (X n) (s m)) <= d1).
  { pose proof (U (X n) (X m) (B _ G T) (B _ Gm ltac:(lra)) Move (s m)) as Q.
    replace (residual g r (X n) (s m)) with
      (residual g r (X m) (s m) + - (residual g r (X m) (s m) - residual g r (X n) (s m))) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. lra. }
  apply (H1 (s m) Om s X n k S G T C); auto; [lra|].
  intros j [<-|J_j]; auto. specialize (Small j J_j). lra.
Qed.

(** The theorem: a round from a point whose cost is eta or more above the minimum lowers it by at least delta. *)
Theorem a_round_lowers F eta : 0 < eta -> exists delta, 0 < delta /\
  forall s X n k, steps R s X -> grounded g (X n) -> total g r (X n) <= F -> covers g s n k ->
  total g r (X n) < total g r V + eta \/ total g r (X (n + k)%nat) <= total g r (X n) - delta.
Proof.
  intro Pe. destruct (residuals_bound_excess F eta Pe) as [eps [Ps H]].
  destruct (round_flattens F eps (length (active g)) Ps [] (NoDup_nil _) ltac:(intros i []) ltac:(simpl; lia)) as [d [Pd K]].
  exists d. split; auto. intros s X n k S G T C.
  destruct (Rle_lt_dec (total g r (X (n + k)%nat)) (total g r (X n) - d)) as [L|L]; [now right|left].
  apply H; auto. apply (K s X n k); auto; [lra|]. intros i [].
Qed.
End Descent.
