(** Local balancing converges to the balanced weights wherever a minimum is attained: any degree, any strictly convex cost,
    any graph with or without ground, from every start, exact or relaxed, under every fair schedule and under greedy ones.

    [run], [step], [solves], [fair]   as in Convergence.v.
    [greedy g r solve X s]  at no point X n would another unit's exact step lower the cost more than that of unit s n, the
                            one that has its turn. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep Comparison Convergence Tangent Circulation
  Linear Rounds Stiff Descent StepShare.
Open Scope R_scope.

Definition greedy g r solve (X : nat -> point) (s : nat -> nat) := forall n, free g (s n) = true /\
  forall i, free g i = true -> total g r (step solve 1 (s n) (X n)) <= total g r (step solve 1 i (X n)).

(** Greedy choice, with steps that gain a fixed share of the exact step: the cost tends to its infimum. *)
Lemma greedy_gains_cost g r solve low theta0 X s : solves g r solve -> 0 < theta0 ->
  effective g r (gains g r 1) -> effective g r (gains g r theta0) -> leads g r low ->
  steps (gains g r theta0) s X -> grounded g (X 0%nat) -> greedy g r solve X s ->
  forall eta, 0 < eta -> exists N, forall n, (N <= n)%nat -> total g r (X n) < low + eta.
Proof.
  intros Sol P Ef1 Ef Le St G Gr. apply (greedy_cost g r (gains g r 1) low Ef1 Le (/ theta0)).
  - now apply Rinv_0_lt_compat.
  - intro n. apply (steps_grounded g r (gains g r theta0) Ef s X St 0 n G).
  - intro n. apply (steps_lower g r (gains g r theta0) Ef s X St n). auto.
  - intros n i I. apply active_free in I. destruct I as [_ F]. exists (step solve 1 i (X n)).
    split; [apply relaxed_gains; auto; lra|]. pose proof (proj2 (Gr n) i F) as Q.
    destruct (St n) as [_ [_ [z [[Oz Zz] T]]]].
    assert (B : balances g r (s n) (step solve 1 (s n) (X n)) z).
    { split; auto. intros j N. rewrite Oz by auto. unfold step. now rewrite set_other. }
    pose proof (local_step_never_raises g r (s n) _ z B).
    apply Rmult_le_reg_l with theta0; [auto|]. rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra. nra.
Qed.

Lemma greedy_gains_converges g r solve V theta0 X s : solves g r solve -> minimum g r V -> 0 < theta0 ->
  steps (gains g r theta0) s X -> grounded g (X 0%nat) -> greedy g r solve X s -> weights_converge g X V.
Proof.
  intros Sol M P St G Gr. pose proof (gains_effective g r V theta0 M P) as Ef. apply (cost_leads_weights g r); auto.
  - intro n. apply (steps_grounded g r (gains g r theta0) Ef s X St 0 n G).
  - apply (greedy_gains_cost g r solve (total g r V) theta0 X s); auto.
    + now apply (gains_effective g r V 1); [|lra].
    + now apply minimum_leads.
Qed.

Section AnyDegree.
Variables (g : graph) (r : regularizer) (solve : nat -> point -> R) (V : point).
Hypotheses (is_solver : solves g r solve) (V_minimum : minimum g r V).
Variables (theta : nat -> R) (theta0 : R) (s : nat -> nat) (x : point).
Hypotheses (theta0_pos : 0 < theta0) (theta_range : forall n, theta0 <= theta n <= 1) (x_grounded : grounded g x).

Lemma run_steps : (forall n, free g (s n) = true) -> steps (gains g r theta0) s (run solve theta s x).
Proof. intros F n. simpl. apply relaxed_gains; auto; lra. Qed.

(** The weights converge ... *)
Theorem weights_converge_any_degree : fair g s -> weights_converge g (run solve theta s x) V.
Proof.
  intro Fs. apply (fair_descent_converges g r V (gains g r theta0) V_minimum) with (s := s); auto.
  - now apply (gains_effective g r V).
  - apply run_steps, Fs.
Qed.

(** ... and where the log-scales are unique, so do they. *)
Theorem scales_converge_any_degree : anchored g -> fair g s -> forall i, Un_cv (fun n => run solve theta s x n i) (V i).
Proof.
  intros A Fs. apply (fair_descent_scales_converge g r V (gains g r theta0) V_minimum) with (s := s); auto.
  - now apply (gains_effective g r V).
  - apply run_steps, Fs.
Qed.

(** Greedy: the unit whose exact step lowers the cost most, its step relaxed or not *)
Theorem greedy_balancing_converges : greedy g r solve (run solve theta s x) s -> weights_converge g (run solve theta s x) V.
Proof.
  intro Gr. apply (greedy_gains_converges g r solve V theta0) with (s := s); auto.
  apply run_steps. intro n. apply Gr.
Qed.
End AnyDegree.
