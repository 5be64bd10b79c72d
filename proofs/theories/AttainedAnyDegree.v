(** Existence for every degree, every strictly convex cost and every graph: a minimum is attained iff there is a circulation
    (Circulation.v), that is, iff slopes of the costs, taken at any log-multipliers whatsoever, balance at every free unit.
    For powers the slopes are any positive numbers, so it is attained iff positive numbers on the connections balance.

    The proof: points whose costs are near the infimum are near each other where the graph is anchored, so they have a
    limit, which is a minimum. Other graphs are fixed at roots (Roots.v) first. *)
From Coq Require Import Reals Psatz List Arith Bool Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity OneUnit PowerStep Existence Attained Manifold Anchored CycleGains
  Roots Tangent Circulation Linear Certificates Gap.
Import ListNotations.
Open Scope R_scope.

Section Anchored.
Variables (g : graph) (r : regularizer) (t : connection -> R).
Hypotheses (is_anchored : anchored g) (is_circulation : circulation g r t).

Lemma infimum_exists : exists m, (forall x, grounded g x -> m <= total g r x) /\
  forall d, 0 < d -> exists x, grounded g x /\ total g r x <= m + d.
Proof.
  destruct (completeness (fun v => exists x, grounded g x /\ v = - total g r x)) as [m [U L]].
  - exists (- sum (fun e => cost r e (t e) - slope r e (t e) * t e) (connections g)). intros v [x [G ->]].
    rewrite (total_from_circulation g r t x is_circulation G).
    pose proof (sum_nonneg (fun e => above_tangent r e (t e) (exponent g x e)) (connections g)
      ltac:(intros; apply above_tangent_nonneg)). lra.
  - exists (- total g r (fun _ => 0)), (fun _ => 0). split; [intros i _|]; reflexivity.
  - exists (- m). split.
    + intros x G. pose proof (U (- total g r x) ltac:(exists x; auto)). lra.
    + intros d P. apply NNPP. intro N. enough (m <= m - d) by lra. apply L. intros v [x [G ->]].
      apply Rnot_lt_le. intro K. apply N. exists x. split; auto. lra.
Qed.

Variable m : R.
Hypotheses (lower : forall x, grounded g x -> m <= total g r x)
  (attains : forall d, 0 < d -> exists x, grounded g x /\ total g r x <= m + d).

(** Points near the infimum are near each other: their middle would cost less otherwise. *)
Lemma near_each_other eta : 0 < eta -> exists d, 0 < d /\ forall x y, grounded g x -> grounded g y ->
  total g r x <= m + d -> total g r y <= m + d -> forall i, Rabs (x i - y i) <= eta.
Proof.
  intro Pe. destruct (anchored_bound g is_anchored) as [C [PC A]].
  set (h := eta / (C + 1)). assert (Ph : 0 < h) by (apply Rdiv_lt_0_compat; lra).
  destruct (circulation_bounds_exponents g r t (m + 1) is_circulation) as [M [PM B]].
  destruct (common_positive (fun e d => forall s t, Rabs s <= M -> Rabs t <= M -> h / 2 <= Rabs (t - s) ->
    d <= above_tangent r e s t) (connections g)) as [b [Pb H]].
  { intros e d d' K L s u Bs Bu D. specialize (K s u Bs Bu D). lra. }
  { intros e _. apply above_tangent_rises; lra. }
  set (d := Rmin 1 (b / 3)). assert (Pd : 0 < d) by (apply Rmin_pos; lra).
  assert (D1 : d <= 1) by apply Rmin_l. assert (D2 : d <= b / 3) by apply Rmin_r.
  exists d. split; auto. intros x y Gx Gy Tx Ty.
  set (z := fun i => x i + / 2 * (y i - x i)).
  assert (Ez : forall e, exponent g z e = (exponent g x e + exponent g y e) / 2) by (intro e; unfold exponent, z; field).
  assert (Gz : grounded g z) by (intros i F; unfold z; rewrite Gx, Gy by auto; ring).
  assert (near : forall e, In e (connections g) -> Rabs (exponent g (fun i => x i - y i) e) <= h).
  { intros e I. rewrite exponent_minus. apply Rnot_lt_le. intro Far.
    pose proof (total_difference g r z x) as Dx. pose proof (total_difference g r z y) as Dy.
    assert (Z : sum (fun i => (x i - z i) * residual g r z i) (units g) +
      sum (fun i => (y i - z i) * residual g r z i) (units g) = 0).
    { rewrite <- sum_plus. apply sum_null. intros i _. unfold z. field. }
    pose proof (lower z Gz) as Low.
    pose proof (sum_member (fun e => above_tangent r e (exponent g z e) (exponent g x e)) (connections g) e
      ltac:(intros; apply above_tangent_nonneg) I) as S. cbv beta in S.
    pose proof (sum_nonneg (fun e => above_tangent r e (exponent g z e) (exponent g y e)) (connections g)
      ltac:(intros; apply above_tangent_nonneg)) as S'.
    pose proof (B x Gx ltac:(lra) e I) as Bx. pose proof (B y Gy ltac:(lra) e I) as By.
    enough (b <= above_tangent r e (exponent g z e) (exponent g x e)) by lra.
    apply H; auto; rewrite Ez.
    - unfold Rabs in *. repeat destruct Rcase_abs; lra.
    - replace (exponent g x e - (exponent g x e + exponent g y e) / 2) with ((exponent g x e - exponent g y e) / 2) by field.
      unfold Rdiv at 2. rewrite Rabs_mult, (Rabs_right (/ 2)) by lra. lra. }
  intro i. eapply Rle_trans.
  - apply (A (fun i => x i - y i) h); [lra| |exact near]. intros j F. rewrite Gx, Gy by auto. ring.
  - replace eta with ((C + 1) * h) by (unfold h; field; lra). nra.
Qed.

(** Their limit *)
Let heights i v := forall d, 0 < d -> exists x, grounded g x /\ total g r x <= m + d /\ v <= x i.

Lemma heights_bound i : bound (heights i).
Proof.
  destruct (near_each_other 1 Rlt_0_1) as [d [Pd H]]. destruct (attains d Pd) as [y [Gy Ty]].
  exists (y i + 1). intros v K. destruct (K d Pd) as [x [Gx [Tx L]]]. pose proof (H x y Gx Gy Tx Ty i) as Q.
  unfold Rabs in Q. destruct Rcase_abs; lra.
Qed.

Lemma heights_member eta d y i : 0 < d -> (forall x y, grounded g x -> grounded g y ->
  total g r x <= m + d -> total g r y <= m + d -> forall i, Rabs (x i - y i) <= eta) ->
  grounded g y -> total g r y <= m + d -> heights i (y i - eta).
Proof.
  intros Pd H Gy Ty d' Pd'. destruct (attains (Rmin d d') ltac:(now apply Rmin_pos)) as [x [Gx Tx]].
  pose proof (Rmin_l d d'). pose proof (Rmin_r d d'). exists x. split; auto. split; [lra|].
  pose proof (H x y Gx Gy ltac:(lra) Ty i) as Q. unfold Rabs in Q. destruct Rcase_abs; lra.
Qed.

Lemma heights_some i : exists v, heights i v.
Proof.
  destruct (near_each_other 1 Rlt_0_1) as [d [Pd H]]. destruct (attains d Pd) as [y [Gy Ty]].
  exists (y i - 1). now apply (heights_member 1 d).
Qed.

Definition limit : point := fun i => proj1_sig (completeness (heights i) (heights_bound i) (heights_some i)).

Lemma limit_near eta : 0 < eta -> exists d, 0 < d /\ forall x, grounded g x -> total g r x <= m + d ->
  forall i, Rabs (x i - limit i) <= eta.
Proof.
  intro Pe. destruct (near_each_other eta Pe) as [d [Pd H]]. exists d. split; auto. intros y Gy Ty i.
  unfold limit. destruct completeness as [l [U L]]. simpl.
  assert (A : y i - eta <= l) by (apply U; now apply (heights_member eta d)).
  assert (B : l <= y i + eta).
  { apply L. intros v K. destruct (K d Pd) as [x [Gx [Tx Lx]]]. pose proof (H x y Gx Gy Tx Ty i) as Q.
    unfold Rabs in Q. destruct Rcase_abs; lra. }
  apply Rabs_le. lra.
Qed.

Lemma limit_minimum : minimum g r limit.
Proof.
  split.
  - intros i F. apply Rle_antisym; apply le_epsilon; intros eps P; destruct (limit_near eps P) as [d [Pd H]];
      destruct (attains d Pd) as [x [Gx Tx]]; specialize (H x Gx Tx i); rewrite Gx in H by auto;
      unfold Rabs in H; destruct Rcase_abs; lra.
  - intros y Gy. apply Rle_trans with m; [|now apply lower]. apply le_epsilon. intros eps P.
    set (K := sum (fun i => Rabs (residual g r limit i)) (units g)).
    assert (PK : 0 <= K) by (apply sum_nonneg; intros; apply Rabs_pos).
    set (eta := eps / (2 * (K + 1))). assert (Pe : 0 < eta) by (apply Rdiv_lt_0_compat; lra).
    destruct (limit_near eta Pe) as [d [Pd H]].
    destruct (attains (Rmin d (eps / 2)) ltac:(apply Rmin_pos; lra)) as [x [Gx Tx]].
    pose proof (Rmin_l d (eps / 2)). pose proof (Rmin_r d (eps / 2)).
    pose proof (total_above_tangent g r limit x) as T.
    assert (S : Rabs (sum (fun i => (x i - limit i) * residual g r limit i) (units g)) <= eta * K).
    { eapply Rle_trans; [apply sum_Rabs|]. unfold K. rewrite <- sum_scale. apply sum_le. intros i _.
      rewrite Rabs_mult. apply Rmult_le_compat_r; [apply Rabs_pos|]. apply H; auto. lra. }
    assert (eta * K <= eps / 2).
    { replace (eps / 2) with (eta * (K + 1)) by (unfold eta; field; lra). nra. }
    unfold Rabs in S. destruct Rcase_abs in S; lra.
Qed.
End Anchored.

(** The theorem *)
Theorem attained_iff_circulation g r : (exists x, minimum g r x) <-> exists t, circulation g r t.
Proof.
  split; [intros [x M]; exists (exponent g x); now apply minimum_circulation|]. intros [t C].
  (* units without connections play no part *)
  set (g1 := Graph (connections g) (degree g) (fun i => free g i && if in_dec Nat.eq_dec i (units g) then true else false)).
  assert (F1 : forall i, free g1 i = true <-> free g i = true /\ In i (units g)).
  { intro i. simpl. rewrite andb_true_iff. destruct in_dec; intuition discriminate. }
  destruct (roots_exist g1 (units g)) as [roots R]; [intros i F; now apply F1|].
  set (g2 := fixed_at g1 roots).
  assert (C2 : circulation g2 r t).
  { intros i F. apply free_fixed_at in F. destruct F as [F _]. apply F1 in F. exact (C i (proj1 F)). }
  pose proof (fixed_at_anchored g1 roots R) as A.
  destruct (infimum_exists g2 r t C2) as [m [L H]].
  pose proof (limit_minimum g2 r t A C2 m L H) as M2. apply (proj1 (fixed_at_minimum g1 roots R r)) in M2.
  eexists. split.
  - intros i F. apply (proj1 M2). simpl. now rewrite F.
  - intros y G. assert (E : total g1 r (keep (units g) y) = total g r y).
    { apply sum_ext. intros e I. f_equal. apply (keep_exponent g (units g) y e); auto. tauto. }
    rewrite <- E. apply (proj2 M2). intros i F. unfold keep. destruct in_dec as [I|]; [|reflexivity].
    apply G. destruct (free g i) eqn:Fi; auto. exfalso. assert (K : free g1 i = true) by now apply F1. congruence.
Qed.

(** Powers, each connection with its own exponent: a minimum is attained iff positive numbers balance at every free unit. *)
Theorem attained_iff_positive_circulation_mixed (p : connection -> posreal) g : (exists x, minimum g (mixed_power p) x) <->
  exists f, (forall e, In e (connections g) -> 0 < f e) /\ forall i, free g i = true -> divergence g f i = 0.
Proof.
  rewrite attained_iff_circulation. split.
  - intros [t C]. exists (fun e => slope (mixed_power p) e (t e)). split; [|exact C]. intros e _. simpl. unfold power_slope.
    pose proof (cond_pos (p e)). pose proof (amplitude_pos (p e) e). pose proof (exp_pos (p e * t e)).
    apply Rmult_lt_0_compat; [lra|]. now apply Rmult_lt_0_compat.
  - intros [f [P D]]. exists (fun e => ln (f e / (p e * amplitude (p e) e)) / p e). intros i F. rewrite <- (D i F).
    apply divergence_ext. intros e I. simpl. unfold power_slope.
    pose proof (cond_pos (p e)). pose proof (amplitude_pos (p e) e). specialize (P e I).
    replace (p e * (ln (f e / (p e * amplitude (p e) e)) / p e)) with (ln (f e / (p e * amplitude (p e) e))) by (field; lra).
    rewrite exp_ln; [field; lra|]. apply quotient_pos; auto. now apply Rmult_lt_0_compat.
Qed.

Corollary attained_iff_positive_circulation (p : posreal) g : (exists x, minimum g (power p) x) <->
  exists f, (forall e, In e (connections g) -> 0 < f e) /\ forall i, free g i = true -> divergence g f i = 0.
Proof. exact (attained_iff_positive_circulation_mixed (fun _ => p) g). Qed.

(** Degree 1: whatever the exponents of the connections, a minimum exists iff every connection lies on a directed cycle of the
    grounded graph; for whether positive numbers balance does not depend on them. *)
Corollary attained_iff_on_cycles_mixed (p : connection -> posreal) g : linear_degree g ->
  ((exists x, minimum g (mixed_power p) x) <-> forall e, In e (connections g) -> on_cycle g e).
Proof.
  intro D. rewrite attained_iff_positive_circulation_mixed, <- (attained_iff_positive_circulation (mkposreal 1 Rlt_0_1)).
  now apply attained_iff_on_cycles.
Qed.
