(** Local steps that gain a fixed share of what the exact step gains lower the cost enough for the descent argument.

    [gains g r theta0 i x y]   y is x with the log-scale of the free unit i moved, and the cost falls at least by theta0
                               times as much as if i were balanced exactly. Exact steps gain all (theta0 = 1); relaxed
                               steps with theta0 <= theta <= 1 gain the share theta0, any degree, any convex cost. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep Comparison Convergence Tangent Circulation
  Linear Rounds Stiff.
Open Scope R_scope.

Definition gains g r theta0 i (x y : point) := free g i = true /\ (forall j, j <> i -> y j = x j) /\
  exists z, balances g r i x z /\ total g r y <= total g r x - theta0 * (total g r x - total g r z).

(** What an exact step gains *)
Lemma exact_step_gain g r i x z : balances g r i x z ->
  total g r x - total g r z = sum (fun e => above_tangent r e (exponent g z e) (exponent g x e)) (connections g).
Proof. intro B. rewrite total_difference, (step_term g r i x z B). ring. Qed.

Theorem gains_effective g r V theta0 : minimum g r V -> 0 < theta0 -> effective g r (gains g r theta0).
Proof.
  intros Mi Pt. split.
  - intros i x y [F [O [z [B T]]]]. split; auto. split; auto. pose proof (local_step_never_raises g r i x z B). nra.
  - intros F eps Pe. destruct (cost_bounds_exponents g r V F Mi) as [M [PM Bd]].
    destruct (residual_uniform g r M (eps / 2) ltac:(lra) PM) as [eta [Pn U]].
    destruct (common_positive (fun e d => forall s t, Rabs s <= M -> Rabs t <= M -> eta <= Rabs (t - s) ->
      d <= above_tangent r e s t) (connections g)) as [d [Pd H]].
    { intros e d d' K L s t Bs Bt D. specialize (K s t Bs Bt D). lra. }
    { intros e _. now apply above_tangent_rises. }
    exists (theta0 * d). split; [nra|]. intros i x y G T [Fi [O [z [B Ty]]]] Q.
    enough (d <= total g r x - total g r z) by nra.
    apply Rnot_lt_le. intro N. rewrite (exact_step_gain g r i x z B) in N.
    pose proof (local_step_never_raises g r i x z B) as L.
    assert (Gz : grounded g z).
    { intros j Fj. rewrite (proj1 B) by congruence. auto. }
    assert (C : forall e, In e (connections g) -> Rabs (exponent g x e - exponent g z e) <= eta).
    { intros e I. apply Rnot_lt_le. intro K.
      pose proof (sum_member (fun e => above_tangent r e (exponent g z e) (exponent g x e)) (connections g) e
        ltac:(intros; apply above_tangent_nonneg) I) as S. cbv beta in S.
      pose proof (H e I (exponent g z e) (exponent g x e) (Bd z Gz ltac:(lra) e I) (Bd x G T e I) ltac:(lra)). lra. }
    pose proof (U z x (Bd z Gz ltac:(lra)) (Bd x G T) C i) as K. rewrite (proj2 B), Rminus_0_r in K. lra.
Qed.

(** The cost along the way from x to z *)
Lemma total_between g r x z y t : 0 <= t <= 1 -> (forall j, y j = x j + t * (z j - x j)) ->
  total g r y <= total g r x - t * (total g r x - total g r z).
Proof.
  intros T E. pose proof (total_above_tangent g r y x) as A. pose proof (total_above_tangent g r y z) as B.
  assert (K : (1 - t) * sum (fun i => (x i - y i) * residual g r y i) (units g) +
    t * sum (fun i => (z i - y i) * residual g r y i) (units g) = 0).
  { rewrite <- !sum_scale, <- sum_plus. apply sum_null. intros j _. rewrite (E j). ring. }
  nra.
Qed.

(** A relaxed step with 0 < theta <= 1 never raises the cost of the network, and lowers it unless the unit is balanced. *)
Theorem relaxed_local_step g r i x z y theta : 0 < theta <= 1 -> balances g r i x z ->
  (forall j, y j = x j + theta * (z j - x j)) ->
  total g r y <= total g r x /\ (residual g r x i <> 0 -> total g r y < total g r x).
Proof.
  intros T B E. pose proof (total_between g r x z y theta ltac:(lra) E) as K. split.
  - pose proof (local_step_never_raises g r i x z B). nra.
  - intro N. pose proof (local_step_lowers g r i x z B N). nra.
Qed.

Section Solver.
Variables (g : graph) (r : regularizer) (solve : nat -> point -> R).
Hypothesis is_solver : solves g r solve.

Lemma exact_balances i x : free g i = true -> balances g r i x (set x i (solve i x)).
Proof. intro F. split; [intros j N; now apply set_other|now apply is_solver]. Qed.

Lemma relaxed_gains theta theta0 i x : free g i = true -> 0 <= theta0 -> theta0 <= theta <= 1 ->
  gains g r theta0 i x (step solve theta i x).
Proof.
  intros F P T. split; auto. split; [intros j N; now apply set_other|].
  exists (set x i (solve i x)). split; [now apply exact_balances|].
  pose proof (total_between g r x (set x i (solve i x)) (step solve theta i x) theta ltac:(lra)) as K.
  assert (E : forall j, step solve theta i x j = x j + theta * (set x i (solve i x) j - x j)).
  { intro j. unfold step, set. destruct (Nat.eqb_spec j i) as [->|]; ring. }
  specialize (K E). pose proof (local_step_never_raises g r i x _ (exact_balances i x F)). nra.
Qed.
End Solver.
