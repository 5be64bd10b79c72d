(** L_p, degree 1: over-relaxed steps. A step theta of the way changes the cost as much as one 2 - theta of the way, so
    every theta with theta0 <= theta <= 2 - theta0 gains the share theta0 of the exact step, and the weights converge from
    every start, self-connections and parts without ground included. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep OneUnit Comparison Convergence PowerStep
  Existence Attained Loops Tangent Circulation Linear Rounds Stiff Descent StepShare AnyDegree.
Open Scope R_scope.

Section OverRelaxed.
Variables (p : posreal) (g : graph).
Hypotheses (linear : linear_degree g) (sides : two_sided (loopless g)).
Let solve := closed_form p (loopless g).

Lemma step_symmetric theta i x : free g i = true ->
  total g (power p) (step solve theta i x) = total g (power p) (step solve (2 - theta) i x).
Proof.
  intro F. rewrite !(total_loopless p g) by auto. f_equal. unfold step, solve, closed_form.
  set (A := inflow p (loopless g) x i). set (B := outflow p (loopless g) x i).
  replace (degree (loopless g) i : R) with 1 by (symmetry; apply linear).
  replace (x i + theta * (x i + best_shift A B 1 p - x i)) with (x i + theta * best_shift A B 1 p) by ring.
  replace (x i + (2 - theta) * (x i + best_shift A B 1 p - x i)) with (x i + (2 - theta) * best_shift A B 1 p) by ring.
  pose proof (total_shift p (loopless g) (loopless_no_loops g) x i (theta * best_shift A B 1 p) F) as T1.
  pose proof (total_shift p (loopless g) (loopless_no_loops g) x i ((2 - theta) * best_shift A B 1 p) F) as T2.
  replace (degree (loopless g) i : R) with 1 in * by (symmetry; apply linear).
  fold A B in T1, T2. rewrite unit_cost_symmetric in T1; [lra| | |apply cond_pos].
  - now apply inflow_pos.
  - now apply outflow_pos.
Qed.

Lemma over_relaxed_gains theta theta0 i x : free g i = true -> 0 <= theta0 -> theta0 <= theta <= 2 - theta0 ->
  gains g (power p) theta0 i x (step solve theta i x).
Proof.
  intros F P T. pose proof (closed_form_solves_with_loops p g linear sides) as Sol.
  destruct (Rle_dec theta 1) as [L|L]; [now apply relaxed_gains|].
  destruct (relaxed_gains g (power p) solve Sol (2 - theta) theta0 i x F P ltac:(lra)) as [_ [_ [z [B K]]]].
  split; auto. split; [intros j N; now apply set_other|]. exists z. split; auto.
  now rewrite step_symmetric.
Qed.

Variables (V : point) (theta : nat -> R) (theta0 : R) (s : nat -> nat) (x : point).
Hypotheses (V_minimum : minimum g (power p) V) (theta0_pos : 0 < theta0).
Hypotheses (theta_range : forall n, theta0 <= theta n <= 2 - theta0) (x_grounded : grounded g x).

Theorem over_relaxed_balancing_converges : fair g s -> weights_converge g (run solve theta s x) V.
Proof.
  intro Fs. apply (fair_descent_converges g (power p) V (gains g (power p) theta0) V_minimum) with (s := s); auto.
  - now apply (gains_effective g (power p) V).
  - intro n. simpl. apply over_relaxed_gains; [apply Fs|lra|apply theta_range].
Qed.

Theorem over_relaxed_greedy_converges : greedy g (power p) solve (run solve theta s x) s ->
  weights_converge g (run solve theta s x) V.
Proof.
  intro Gr. apply (greedy_gains_converges g (power p) solve V) with (theta0 := theta0) (s := s); auto.
  - apply (closed_form_solves_with_loops p g linear sides).
  - intro n. simpl. apply over_relaxed_gains; [apply Gr|lra|apply theta_range].
Qed.

Theorem over_relaxed_scales_converge : anchored g -> fair g s -> forall i, Un_cv (fun n => run solve theta s x n i) (V i).
Proof.
  intros A Fs.
  apply (fair_descent_scales_converge g (power p) V (gains g (power p) theta0) V_minimum) with (s := s); auto.
  - now apply (gains_effective g (power p) V).
  - intro n. simpl. apply over_relaxed_gains; [apply Fs|lra|apply theta_range].
Qed.
End OverRelaxed.
