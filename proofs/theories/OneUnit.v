(** One unit: the closed form of a local balancing step.

    A > 0 is the cost of the incoming weights of a unit of degree c, B > 0 that of its outgoing weights, for L_p.
    [unit_cost A B c p t]  their sum once the unit's log-scale has moved by t.
    [best_shift A B c p]   ln (c B / A) / (p (1 + c)), that is lambda* = (c B / A)^(1/(p(1+c))). *)
From Coq Require Import Reals Psatz.
Open Scope R_scope.

Definition unit_cost A B c p t := A * exp (p * t) + B * exp (- (c * p * t)).
Definition best_shift A B c p := ln (c * B / A) / (p * (1 + c)).

Lemma exp_above_tangent s t : exp s * (1 + (t - s)) <= exp t.
Proof.
  replace t with (s + (t - s)) at 2 by ring. rewrite exp_plus.
  apply Rmult_le_compat_l; [left; apply exp_pos|apply exp_ineq1_le].
Qed.

Lemma exp_above_tangent_strict s t : s <> t -> exp s * (1 + (t - s)) < exp t.
Proof.
  intro D. replace t with (s + (t - s)) at 2 by ring. rewrite exp_plus.
  apply Rmult_lt_compat_l; [apply exp_pos|apply exp_ineq1; lra].
Qed.

Lemma quotient_pos a b : 0 < a -> 0 < b -> 0 < a / b.
Proof. intros. apply Rmult_lt_0_compat; auto. now apply Rinv_0_lt_compat. Qed.

Section Unit.
Variables A B c p : R.
Hypotheses (A_pos : 0 < A) (B_pos : 0 < B) (c_pos : 0 < c) (p_pos : 0 < p).
Let t := best_shift A B c p.

(** After the step the incoming cost is c times the outgoing cost ... *)
Theorem best_shift_balances : A * exp (p * t) = c * (B * exp (- (c * p * t))).
Proof.
  assert (E : p * t = ln (c * B / A) + - (c * p * t)) by (unfold t, best_shift; field; lra).
  rewrite E, exp_plus, exp_ln by (apply quotient_pos; auto; now apply Rmult_lt_0_compat). field. lra.
Qed.

(** ... the shift is the unique minimum ... *)
Theorem best_shift_is_the_unique_minimum s : s <> t -> unit_cost A B c p t < unit_cost A B c p s.
Proof.
  intro D. unfold unit_cost. pose proof best_shift_balances as E.
  pose proof (exp_above_tangent_strict (p * t) (p * s) ltac:(intro K; apply D; apply Rmult_eq_reg_l with p; lra)) as I.
  pose proof (exp_above_tangent (- (c * p * t)) (- (c * p * s))) as O.
  apply Rmult_lt_compat_l with (r := A) in I; [|auto]. apply Rmult_le_compat_l with (r := B) in O; [|lra].
  assert (A * exp (p * t) * (p * s - p * t) = c * (B * exp (- (c * p * t))) * (p * s - p * t)) by now rewrite E.
  lra.
Qed.

(** ... and balance holds nowhere else. *)
Theorem balance_only_at_best_shift s : A * exp (p * s) = c * (B * exp (- (c * p * s))) -> s = t.
Proof.
  intro E. destruct (Req_dec s t) as [|D]; auto. exfalso.
  pose proof (best_shift_is_the_unique_minimum s D) as M. unfold unit_cost in M.
  pose proof (exp_above_tangent (p * s) (p * t)) as I.
  pose proof (exp_above_tangent (- (c * p * s)) (- (c * p * t))) as O.
  apply Rmult_le_compat_l with (r := A) in I; [|lra]. apply Rmult_le_compat_l with (r := B) in O; [|lra].
  assert (A * exp (p * s) * (p * t - p * s) = c * (B * exp (- (c * p * s))) * (p * t - p * s)) by now rewrite E.
  lra.
Qed.

(** The new cost of a unit of degree c *)
Theorem best_cost : unit_cost A B c p t =
  (1 + c) * Rpower c (- (c / (1 + c))) * Rpower A (c / (1 + c)) * Rpower B (1 / (1 + c)).
Proof.
  unfold unit_cost. rewrite best_shift_balances.
  assert (E : B * exp (- (c * p * t)) = Rpower c (- (c / (1 + c))) * Rpower A (c / (1 + c)) * Rpower B (1 / (1 + c))).
  { unfold Rpower. rewrite <- (exp_ln B) at 1 by auto. rewrite <- !exp_plus. f_equal.
    unfold t, best_shift, Rdiv. rewrite !ln_mult, ln_Rinv;
      auto using Rmult_lt_0_compat, Rinv_0_lt_compat. field. lra. }
  rewrite E. ring.
Qed.

(** A relaxed step, theta of the way with 0 < theta <= 1, lowers the cost unless the unit is balanced. *)
Theorem relaxed_step_lowers theta : 0 < theta <= 1 -> t <> 0 ->
  unit_cost A B c p (theta * t) < unit_cost A B c p 0.
Proof.
  intros [L U] N.
  assert (M : unit_cost A B c p t < unit_cost A B c p 0) by (apply best_shift_is_the_unique_minimum; lra).
  assert (J : forall k, exp (k * (theta * t)) <= theta * exp (k * t) + (1 - theta) * exp (k * 0)).
  { intro k. pose proof (exp_above_tangent (k * (theta * t)) (k * t)) as P.
    pose proof (exp_above_tangent (k * (theta * t)) (k * 0)) as Q.
    apply Rmult_le_compat_l with (r := theta) in P; [|lra].
    apply Rmult_le_compat_l with (r := 1 - theta) in Q; [|lra]. nra. }
  pose proof (J p) as P. pose proof (J (- (c * p))) as Q.
  apply Rmult_le_compat_l with (r := A) in P; [|lra]. apply Rmult_le_compat_l with (r := B) in Q; [|lra].
  unfold unit_cost in *.
  replace (- (c * p * (theta * t))) with (- (c * p) * (theta * t)) by ring.
  replace (- (c * p * t)) with (- (c * p) * t) in * by ring.
  replace (- (c * p * 0)) with (- (c * p) * 0) in * by ring. nra.
Qed.
End Unit.

(** Degree 1: the minimum is 2 sqrt (A B) and the cost falls by exactly (sqrt A - sqrt B)^2. *)
Theorem best_cost_of_degree_one A B p : 0 < A -> 0 < B -> 0 < p ->
  unit_cost A B 1 p (best_shift A B 1 p) = 2 * sqrt (A * B).
Proof.
  intros HA HB Hp. rewrite best_cost by lra. replace (1 / (1 + 1)) with (/ 2) by field.
  rewrite !Rpower_sqrt, sqrt_mult by lra. unfold Rpower at 1. rewrite ln_1, Rmult_0_r, exp_0. ring.
Qed.

Theorem decrease_of_a_step A B p : 0 < A -> 0 < B -> 0 < p ->
  unit_cost A B 1 p 0 - unit_cost A B 1 p (best_shift A B 1 p) = (sqrt A - sqrt B) * (sqrt A - sqrt B).
Proof.
  intros HA HB Hp. rewrite best_cost_of_degree_one by auto. unfold unit_cost.
  rewrite !Rmult_0_r, Ropp_0, exp_0, sqrt_mult by lra.
  pose proof (sqrt_sqrt A ltac:(lra)). pose proof (sqrt_sqrt B ltac:(lra)). nra.
Qed.

(** Degree 1, one power: the cost is symmetric about the balanced shift. *)
Theorem unit_cost_symmetric A B p theta : 0 < A -> 0 < B -> 0 < p ->
  unit_cost A B 1 p (theta * best_shift A B 1 p) = unit_cost A B 1 p ((2 - theta) * best_shift A B 1 p).
Proof.
  intros HA HB Hp. unfold unit_cost. set (t := best_shift A B 1 p).
  assert (E : 2 * (p * t) = ln B - ln A).
  { unfold t, best_shift, Rdiv. rewrite Rmult_1_l, ln_mult, ln_Rinv by auto using Rinv_0_lt_compat. field. lra. }
  assert (X : A * exp (p * ((2 - theta) * t)) = B * exp (- (1 * p * (theta * t)))).
  { rewrite <- (exp_ln A) at 1 by auto. rewrite <- (exp_ln B) at 1 by auto. rewrite <- !exp_plus. f_equal. lra. }
  assert (Y : B * exp (- (1 * p * ((2 - theta) * t))) = A * exp (p * (theta * t))).
  { rewrite <- (exp_ln A) at 1 by auto. rewrite <- (exp_ln B) at 1 by auto. rewrite <- !exp_plus. f_equal. lra. }
  rewrite X, Y. ring.
Qed.

(** Degree 1, one power: every theta strictly between 0 and 2 lowers the cost. *)
Theorem over_relaxed_step_lowers A B p theta : 0 < A -> 0 < B -> 0 < p -> 0 < theta < 2 ->
  best_shift A B 1 p <> 0 ->
  unit_cost A B 1 p (theta * best_shift A B 1 p) < unit_cost A B 1 p 0.
Proof.
  intros HA HB Hp Ht N. destruct (Rle_dec theta 1) as [L|L].
  { apply relaxed_step_lowers; lra. }
  rewrite unit_cost_symmetric by auto. apply relaxed_step_lowers; lra.
Qed.

(** Degree 3, theta = 1.9: a relaxed step can raise the cost. *)
Theorem over_relaxed_step_raises_for_degree_three :
  exists A B, 0 < A /\ 0 < B /\
    unit_cost A B 3 1 0 < unit_cost A B 3 1 (19 / 10 * best_shift A B 3 1).
Proof.
  exists (3 * 2 ^ 40), 1.
  assert (P : 0 < 2 ^ 40) by (apply pow_lt; lra).
  split; [lra|split; [lra|]].
  assert (K : 19 / 10 * best_shift (3 * 2 ^ 40) 1 3 1 = - (INR 19 * ln 2)).
  { unfold best_shift. replace (3 * 1 / (3 * 2 ^ 40)) with (/ 2 ^ 40) by (field; lra).
    rewrite ln_Rinv, <- Rpower_pow by lra. unfold Rpower. rewrite ln_exp.
    replace (INR 40) with 40 by (rewrite INR_IZR_INZ; reflexivity).
    replace (INR 19) with 19 by (rewrite INR_IZR_INZ; reflexivity). field. }
  rewrite K. unfold unit_cost. rewrite !Rmult_0_r, Ropp_0, exp_0.
  replace (- (3 * 1 * - (INR 19 * ln 2))) with (INR 57 * ln 2)
    by (rewrite !INR_IZR_INZ; simpl; ring).
  fold (Rpower 2 (INR 57)). rewrite Rpower_pow by lra.
  pose proof (exp_pos (1 * - (INR 19 * ln 2))). simpl pow in *. nra.
Qed.

(** Steps that lower the cost need not lead to the minimum: A = 16, B = 1, degree 1, p = 1, relaxed steps with
    theta_n = 1/(n+2)^2, n = 0, 1, ... *)
Fixpoint timid n := match n with
  | O => 0
  | S n => timid n + (best_shift 16 1 1 1 - timid n) / (INR n + 2) ^ 2
  end.

Lemma timid_closed_form n : timid n = best_shift 16 1 1 1 * (INR n / (2 * (INR n + 1))).
Proof.
  induction n as [|n IH]; [simpl; field|]. cbn [timid]. rewrite IH, S_INR.
  pose proof (pos_INR n). field. lra.
Qed.

Lemma best_shift_16 : best_shift 16 1 1 1 = - (2 * ln 2).
Proof.
  unfold best_shift. replace (1 * 1 / 16) with (/ (2 * 2 * (2 * 2))) by field.
  rewrite ln_Rinv, !ln_mult by lra. field.
Qed.

(** unit_cost at -(2 ln 2) s as a sum of two exponentials is strictly decreasing on s <= 1 *)
Lemma timid_cost_decreasing s s' : s < s' -> s' <= 1 ->
  unit_cost 16 1 1 1 (best_shift 16 1 1 1 * s') < unit_cost 16 1 1 1 (best_shift 16 1 1 1 * s).
Proof.
  intros L U. set (t := best_shift 16 1 1 1).
  assert (T : t <> 0) by (unfold t; rewrite best_shift_16; pose proof (ln_lt_2); lra).
  set (th := (s' - s) / (1 - s)).
  assert (H : 0 < th <= 1).
  { unfold th. split; [apply quotient_pos; lra|]. apply Rmult_le_reg_r with (1 - s); [lra|]. field_simplify; lra. }
  set (A' := 16 * exp (1 * (t * s))). set (B' := 1 * exp (- (1 * 1 * (t * s)))).
  assert (PA : 0 < A') by (unfold A'; pose proof (exp_pos (1 * (t * s))); lra).
  assert (PB : 0 < B') by (unfold B'; pose proof (exp_pos (- (1 * 1 * (t * s)))); lra).
  assert (M : forall d, unit_cost A' B' 1 1 d = unit_cost 16 1 1 1 (t * s + d)).
  { intro d. unfold unit_cost, A', B'. rewrite !Rmult_assoc, <- !exp_plus. f_equal; f_equal; f_equal; ring. }
  assert (E : best_shift A' B' 1 1 = t * (1 - s)).
  { symmetry. apply balance_only_at_best_shift; try lra.
    pose proof (best_shift_balances 16 1 1 1 ltac:(lra) ltac:(lra) ltac:(lra) ltac:(lra)) as Q. fold t in Q.
    unfold A', B'. rewrite !Rmult_assoc, <- !exp_plus.
    replace (1 * (t * s) + 1 * (t * (1 - s))) with (1 * t) by ring.
    replace (- (1 * (1 * (t * s))) + - (1 * (1 * (t * (1 - s))))) with (- (1 * 1 * t)) by ring. exact Q. }
  pose proof (relaxed_step_lowers A' B' 1 1 PA PB ltac:(lra) ltac:(lra) th H) as Q.
  rewrite E in Q. specialize (Q ltac:(apply Rmult_integral_contrapositive_currified; lra)).
  rewrite !M in Q. replace (t * s + th * (t * (1 - s))) with (t * s') in Q by (unfold th; field; lra).
  now rewrite Rplus_0_r in Q.
Qed.

Lemma fraction_increasing n : INR n / (2 * (INR n + 1)) < INR (S n) / (2 * (INR (S n) + 1)) < 1 / 2.
Proof.
  rewrite S_INR. pose proof (pos_INR n) as P. set (m := INR n) in *.
  assert (0 < / (2 * (m + 1) * (m + 2))) by (apply Rinv_0_lt_compat; nra).
  assert (0 < / (2 * (m + 2))) by (apply Rinv_0_lt_compat; lra).
  split.
  - apply Rminus_gt. replace ((m + 1) / (2 * (m + 1 + 1)) - m / (2 * (m + 1))) with (/ (2 * (m + 1) * (m + 2)))
      by (field; lra). lra.
  - apply Rminus_gt. replace (1 / 2 - (m + 1) / (2 * (m + 1 + 1))) with (/ (2 * (m + 2))) by (field; lra). lra.
Qed.

Theorem lowering_steps_may_miss_the_minimum :
  (forall n, unit_cost 16 1 1 1 (timid (S n)) < unit_cost 16 1 1 1 (timid n)) /\
  (forall n, 10 < unit_cost 16 1 1 1 (timid n)) /\
  unit_cost 16 1 1 1 (best_shift 16 1 1 1) = 8.
Proof.
  assert (F : forall n, INR n / (2 * (INR n + 1)) < 1 / 2).
  { intro n. pose proof (fraction_increasing n). lra. }
  split; [|split].
  - intro n. rewrite !timid_closed_form. pose proof (fraction_increasing n).
    apply timid_cost_decreasing; lra.
  - intro n. rewrite timid_closed_form.
    replace 10 with (unit_cost 16 1 1 1 (best_shift 16 1 1 1 * (1 / 2))).
    + apply timid_cost_decreasing; [apply F|lra].
    + rewrite best_shift_16. unfold unit_cost.
      replace (1 * (- (2 * ln 2) * (1 / 2))) with (- ln 2) by field.
      replace (- (1 * 1 * (- (2 * ln 2) * (1 / 2)))) with (ln 2) by field.
      rewrite exp_Ropp, exp_ln by lra. field.
  - rewrite best_cost_of_degree_one by lra. replace (16 * 1) with (4 * 4) by ring. rewrite sqrt_square; lra.
Qed.
