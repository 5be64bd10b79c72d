(** L_p, any degree: every network has a limit (LimitReached.v), and of all schedules of n steps the share of those after
    which some weight may be, or become again, as much as delta off that of the limit tends to zero. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convergence Limit Escape Rounds StepShare PowerGains StiffPowers LimitReached
  RandomSchedules.
Open Scope R_scope.

Theorem random_schedules_reach_the_limit (p : posreal) g : exists kept V, minimum (part g kept) (power p) V /\
  (exists h, escape g kept h) /\ forall solve theta theta0 x us delta eps, solves g (power p) solve -> 0 < theta0 ->
  (forall n, theta0 <= theta n <= 1) -> grounded g x -> NoDup us -> us <> nil -> (forall i, In i us <-> free g i = true) ->
  0 < delta -> 0 < eps -> exists N, forall n, (N <= n)%nat ->
  share us n (may_be_wrong g solve theta x (fun e => if kept e then rescaled_weight g V e else 0) us delta) <= eps.
Proof.
  destruct (limit_exists p g) as [kept [h [V [E M]]]]. exists kept, V. split; auto. split; [eauto|].
  intros solve theta theta0 x us delta eps Sol P0 Pt G ND Ne Us Pd Pe.
  apply (random_schedules_weights g (power p) solve theta theta0 x us Sol P0 Pt G ND Ne Us (total (part g kept) (power p) V));
    auto.
  - now apply gains_effective_power.
  - apply powers_stiff.
  - now apply (limit_leads p g kept h).
  - now apply (near_limit p g kept V).
Qed.
