(** Greedy balancing, always the unit whose exact step lowers the cost most: every single step multiplies the excess of the
    cost over the minimum by at most a constant rho < 1, and the log-scales converge. Any degree, any graph, costs of
    curvature (Rate.v), minimum attained; steps that gain a fixed share of the exact one. *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep Convergence Tangent Circulation Linear Rounds StepShare
  AnyDegree PowerGains Rate ScalesSettle.
Open Scope R_scope.

Theorem greedy_rate g r solve V theta0 F : solves g r solve -> curved g r -> minimum g r V -> 0 < theta0 <= 1 ->
  exists rho, 0 <= rho < 1 /\ forall s X, steps (gains g r theta0) s X -> grounded g (X 0%nat) ->
  total g r (X 0%nat) <= F -> greedy g r solve X s ->
  forall n, total g r (X (n + 1)%nat) - total g r V <= rho * (total g r (X n) - total g r V).
Proof.
  intros Sol Cu Mi [P0 P1]. destruct (cost_bounds_exponents g r V F Mi) as [M [PM B]].
  destruct (Cu M PM) as [mu [lam [Pmu [Pl C]]]].
  destruct (excess_bound g r V F Mi M mu lam Pmu B C) as [A [PA H]].
  pose proof (gains_effective g r V theta0 Mi P0) as Ef. pose proof (theta_mu theta0 P0 mu Pmu) as Ptm.
  set (w := lam * reaches g). assert (Pw : 0 <= w) by (apply Rmult_le_pos; auto using reaches_nonneg).
  set (G := A * (w * w) / (theta0 * mu) / theta0).
  assert (PG : 0 <= G).
  { unfold G, Rdiv. pose proof (Rinv_0_lt_compat _ Ptm). pose proof (Rinv_0_lt_compat _ P0).
    apply Rmult_le_pos; [apply Rmult_le_pos; [apply Rmult_le_pos; [auto|nra]|]|]; lra. }
  exists (1 - / (G + 1)). assert (I1 : 0 < / (G + 1) <= 1).
  { split; [apply Rinv_0_lt_compat; lra|]. rewrite <- Rinv_1 at 2. apply Rinv_le_contravar; lra. }
  split; [lra|]. intros s X St G0 T0 Gr n. rewrite Nat.add_1_r.
  assert (Gn : grounded g (X n)) by (apply (steps_grounded g r _ Ef s X St 0 n G0)).
  assert (T : total g r (X n) <= F) by (pose proof (steps_lower g r _ Ef s X St 0 n ltac:(lia)); lra).
  set (d := total g r (X n) - total g r (X (S n))).
  assert (Pd : 0 <= d) by (unfold d; pose proof (steps_lower g r _ Ef s X St n (S n) ltac:(lia)); lra).
  assert (Best : total g r (X n) - total g r (step solve 1 (s n) (X n)) <= d / theta0).
  { destruct (St n) as [_ [_ [z [[Oz Zz] Tz]]]].
    assert (Bz : balances g r (s n) z (step solve 1 (s n) (X n))).
    { split.
      - intros j N. rewrite Oz by auto. unfold step. now rewrite set_other.
      - unfold step. replace (X n (s n) + 1 * (solve (s n) (X n) - X n (s n))) with (solve (s n) (X n)) by ring.
        apply Sol, Gr. }
    assert (Bz' : balances g r (s n) (step solve 1 (s n) (X n)) z).
    { split; auto. intros j N. rewrite Oz by auto. unfold step. now rewrite set_other. }
    pose proof (local_step_never_raises g r (s n) _ _ Bz'). pose proof (local_step_never_raises g r (s n) _ _ Bz).
    apply Rmult_le_reg_l with theta0; auto. replace (theta0 * (d / theta0)) with d by (field; lra).
    unfold d. replace (total g r (step solve 1 (s n) (X n))) with (total g r z) by lra. lra. }
  assert (Pdt : 0 <= d / theta0 / (theta0 * mu)).
  { unfold Rdiv. pose proof (Rinv_0_lt_compat _ Ptm). pose proof (Rinv_0_lt_compat _ P0).
    apply Rmult_le_pos; [apply Rmult_le_pos|]; lra. }
  assert (Res : forall j, In j (active g) -> Rabs (residual g r (X n) j) <= w * reach_of theta0 mu (d / theta0)).
  { intros j J. apply active_free in J. destruct J as [_ Fj].
    destruct (step_bounds g r theta0 F P0 M mu lam Pmu Pl B C j (X n) (step solve 1 j (X n)) (d / theta0) Gn T) as [_ R]; auto.
    - apply relaxed_gains; auto; lra.
    - pose proof (proj2 (Gr n) j Fj). lra. }
  assert (D : total g r (X n) - total g r V <= G * d).
  { replace (G * d) with (A * (w * reach_of theta0 mu (d / theta0) * (w * reach_of theta0 mu (d / theta0)))).
    - apply H; auto. apply Rmult_le_pos; [auto|apply sqrt_pos].
    - replace (w * reach_of theta0 mu (d / theta0) * (w * reach_of theta0 mu (d / theta0))) with
        (w * w * (reach_of theta0 mu (d / theta0) * reach_of theta0 mu (d / theta0))) by ring.
      unfold reach_of. rewrite sqrt_sqrt by auto. unfold G. field. lra. }
  assert (/ (G + 1) * (total g r (X n) - total g r V) <= d).
  { apply Rmult_le_reg_l with (G + 1); [lra|]. rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra. lra. }
  unfold d in *. lra.
Qed.

(** The log-scales settle, whether they are unique or not. *)
Theorem greedy_scales_settle g r solve V theta0 s X : solves g r solve -> curved g r -> minimum g r V -> 0 < theta0 <= 1 ->
  steps (gains g r theta0) s X -> grounded g (X 0%nat) -> greedy g r solve X s ->
  (forall i, free g i = true -> exists e, In e (connections g) /\ form g e i <> 0) ->
  exists W, minimum g r W /\ forall i, Un_cv (fun n => X n i) (W i).
Proof.
  intros Sol Cu Mi P0 St G Gr Touch.
  destruct (greedy_rate g r solve V theta0 (total g r (X 0%nat)) Sol Cu Mi P0) as [rho [Rr Rate]].
  apply (shrinking_excess_settles g r V theta0 1 rho s X); auto; [lra|]. apply (Rate s X); auto. lra.
Qed.
