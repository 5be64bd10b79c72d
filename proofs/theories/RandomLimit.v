(** L_p, any degree: every network has a limit (LimitReached.v), and local balancing in random order converges to it almost
    surely: the probability that some weight is, or will once more be, as much as delta off that of the limit after n draws
    (Draws.v) tends to zero. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convergence Limit Escape Rounds StepShare PowerGains StiffPowers
  LimitReached Draws RandomSchedules.
Open Scope R_scope.

Theorem random_schedules_reach_the_limit (p : posreal) g : exists kept V, minimum (part g kept) (power p) V /\
  (exists h, escape g kept h) /\ forall solve theta theta0 x q us delta eps, solves g (power p) solve -> 0 < theta0 ->
  (forall n, theta0 <= theta n <= 1) -> grounded g x -> NoDup us -> (forall i, In i us <-> free g i = true) ->
  (forall i, In i us -> 0 < q i) -> sum q us = 1 -> 0 < delta -> 0 < eps -> exists N, forall n, (N <= n)%nat ->
  probability q us n (may_be_wrong g solve theta x (fun e => if kept e then rescaled_weight g V e else 0) us delta) <= eps.
Proof.
  destruct (limit_exists p g) as [kept [h [V [E M]]]]. exists kept, V. split; auto. split; [eauto|].
  intros solve theta theta0 x q us delta eps Sol P0 Pt G ND Us Pq Tq Pd Pe.
  apply (random_schedules_weights g (power p) solve theta theta0 x q us Sol P0 Pt G ND Us Pq Tq (total (part g kept) (power p) V));
    auto.
  - now apply gains_effective_power.
  - apply powers_stiff.
  - now apply (limit_leads p g kept h).
  - now apply (near_limit p g kept V).
Qed.
