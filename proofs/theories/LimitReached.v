(** L_p, where no minimum is attained: local balancing leads to the limit, the weights that escape to zero and the others to
    the balanced weights of the network without them. Any degree; for degree 1 the connections that escape are those on no
    directed cycle of the grounded graph (Limit.v), and nothing else is supposed.

    [escape g keep h]   the direction h shrinks the connections that are not kept and leaves the others (Escape.v).
    [part g keep]       the network of the connections that are kept (Limit.v).
    [reaches_limit g keep X V]  the weights rescaled by X n converge: to zero where they are not kept, and to those rescaled
                        by V where they are. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep Comparison Convergence PowerStep Certificates
  ErrorBound Existence Attained Loops Limit Infimum Escape Tangent Circulation Linear Rounds Stiff Descent StepShare
  AnyDegree OverRelaxed PowerGains StiffPowers.
Import ListNotations.
Open Scope R_scope.

Definition reaches_limit g (keep : connection -> bool) (X : nat -> point) V := forall e, In e (connections g) ->
  Un_cv (fun n => rescaled_weight g (X n) e) (if keep e then rescaled_weight g V e else 0).

Section Limit.
Variables (p : posreal) (g : graph) (kept : connection -> bool) (h V : point).
Hypotheses (h_escapes : escape g kept h) (V_minimum : minimum (part g kept) (power p) V).
Let dropped := filter (fun e => negb (kept e)) (connections g).
Let low := total (part g kept) (power p) V.

Lemma total_parts x : total g (power p) x = total (part g kept) (power p) x + sum (cost_at p g x) dropped.
Proof. unfold total. rewrite (sum_filter _ kept). reflexivity. Qed.

Lemma dropped_nonneg x : 0 <= sum (cost_at p g x) dropped.
Proof. apply sum_nonneg. intros e _. left. apply cost_at_pos. Qed.

Lemma low_below x : grounded g x -> low <= total (part g kept) (power p) x.
Proof. intro G. now apply V_minimum. Qed.

(** Small residuals bound the cost of what escapes. *)
Lemma dropped_bound x eps : (forall i, In i (active g) -> Rabs (residual g (power p) x i) <= eps) -> 0 <= eps ->
  p * sum (cost_at p g x) dropped <= sum (fun i => Rabs (h i)) (units g) * eps.
Proof.
  intros H Pe. pose proof (cond_pos p) as P. destruct h_escapes as [G E].
  assert (K : sum (fun i => h i * residual g (power p) x i) (units g) <= - (p * sum (cost_at p g x) dropped)).
  { unfold residual. rewrite <- by_parts, (sum_filter _ kept). fold dropped.
    rewrite (sum_null _ (filter kept (connections g))).
    - rewrite Rplus_0_l, <- sum_scale. replace (- sum (fun a => p * cost_at p g x a) dropped) with
        ((-1) * sum (fun a => p * cost_at p g x a) dropped) by ring. rewrite <- sum_scale. apply sum_le. intros e I.
      apply filter_In in I. destruct I as [I N]. apply Bool.negb_true_iff in N. specialize (E e I). rewrite N in E.
      simpl. unfold power_slope. rewrite <- power_cost_exp. fold (cost_at p g x e). pose proof (cost_at_pos p g x e).
      assert (0 < p * cost_at p g x e) by (apply Rmult_lt_0_compat; lra). nra.
    - intros e I. apply filter_In in I. destruct I as [I N]. specialize (E e I). rewrite N in E. rewrite E. ring. }
  assert (L : Rabs (sum (fun i => h i * residual g (power p) x i) (units g)) <= sum (fun i => Rabs (h i)) (units g) * eps).
  { eapply Rle_trans; [apply sum_Rabs|]. rewrite Rmult_comm, <- sum_scale. apply sum_le. intros i U. rewrite Rabs_mult.
    destruct (free g i) eqn:F.
    - rewrite Rmult_comm. apply Rmult_le_compat_r; [apply Rabs_pos|]. apply H. now apply active_free.
    - rewrite G by auto. rewrite Rabs_R0. lra. }
  apply Rabs_between in L. lra.
Qed.

Lemma part_residual x i eps : (forall i, Rabs (residual g (power p) x i) <= eps \/ ~ In i (active g)) -> In i (active g) ->
  Rabs (residual (part g kept) (power p) x i) <= eps + reaches g * (p * sum (cost_at p g x) dropped).
Proof.
  intros H A. pose proof (cond_pos p) as P.
  assert (E : residual (part g kept) (power p) x i =
    residual g (power p) x i + - (p * sum (fun e => cost_at p g x e * form g e i) dropped)).
  { rewrite !residual_costs. rewrite (sum_filter (fun e => cost_at p g x e * form g e i) kept (connections g)).
    fold dropped. simpl. change (form (part g kept)) with (form g). change (cost_at p (part g kept)) with (cost_at p g). ring. }
  rewrite E. eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [destruct (H i); tauto|].
  rewrite Rabs_Ropp, Rabs_mult, (Rabs_right p) by lra.
  replace (reaches g * (p * sum (cost_at p g x) dropped)) with (p * (reaches g * sum (cost_at p g x) dropped)) by ring.
  apply Rmult_le_compat_l; [lra|]. eapply Rle_trans; [apply sum_Rabs|]. rewrite <- sum_scale. apply sum_le. intros e I.
  apply filter_In in I. rewrite Rabs_mult, (Rabs_right (cost_at p g x e)), Rmult_comm by (left; apply cost_at_pos).
  apply Rmult_le_compat_r; [left; apply cost_at_pos|]. apply reaches_bound, I.
Qed.

(** No cost is below that of the limit, and small residuals mean a cost near it. *)
Theorem limit_leads : leads g (power p) low.
Proof.
  split.
  - intros x G. rewrite total_parts. pose proof (low_below x G). pose proof (dropped_nonneg x). lra.
  - intros F eta Pe. pose proof (cond_pos p) as P.
    destruct (proj2 (minimum_leads (part g kept) (power p) V V_minimum) F (eta / 2) ltac:(lra)) as [eps1 [P1 H1]].
    set (H := sum (fun i => Rabs (h i)) (units g)). assert (PH : 0 <= H) by (apply sum_nonneg; intros; apply Rabs_pos).
    pose proof (reaches_nonneg g) as PR. assert (PHR : 0 <= reaches g * H) by now apply Rmult_le_pos.
    set (eps := Rmin (eps1 / (1 + reaches g * H)) (eta / 2 * p / (H + 1))).
    assert (Ps : 0 < eps).
    { apply Rmin_pos; apply Rdiv_lt_0_compat; try lra. apply Rmult_lt_0_compat; lra. }
    exists eps. split; auto. intros x G T Res.
    pose proof (dropped_bound x eps Res ltac:(lra)) as D. fold H in D.
    assert (E1 : (1 + reaches g * H) * eps <= eps1).
    { apply Rle_trans with ((1 + reaches g * H) * (eps1 / (1 + reaches g * H))); [apply Rmult_le_compat_l; [lra|apply Rmin_l]|].
      right. field. lra. }
    assert (E2 : (H + 1) * eps <= eta / 2 * p).
    { apply Rle_trans with ((H + 1) * (eta / 2 * p / (H + 1))); [apply Rmult_le_compat_l; [lra|apply Rmin_r]|]. right. field. lra. }
    assert (Dr : sum (cost_at p g x) dropped < eta / 2).
    { apply Rmult_lt_reg_l with p; [auto|]. lra. }
    assert (Near : total (part g kept) (power p) x < low + eta / 2).
    { apply H1; [exact G| |].
      - rewrite total_parts in T. pose proof (dropped_nonneg x). lra.
      - intros i A. assert (A' : In i (active g)).
        { apply active_free in A. destruct A as [U Fi]. apply active_free. split; auto.
          apply nodup_In, in_flat_map in U. destruct U as [e [I U]]. simpl in I. apply filter_In in I.
          apply nodup_In, in_flat_map. exists e. tauto. }
        eapply Rle_trans; [apply (part_residual x i eps); auto|].
        + intro j. destruct (in_dec Nat.eq_dec j (active g)); auto.
        + assert (reaches g * (p * sum (cost_at p g x) dropped) <= reaches g * (H * eps)) by (apply Rmult_le_compat_l; auto).
          lra. }
    rewrite total_parts. lra.
Qed.

(** A cost near that of the limit means weights near those of the limit. *)
Theorem near_limit eps : 0 < eps -> exists d, 0 < d /\ forall x, grounded g x -> total g (power p) x < low + d ->
  forall e, In e (connections g) -> Rabs (rescaled_weight g x e - (if kept e then rescaled_weight g V e else 0)) < eps.
Proof.
  intro Pe. pose proof (cond_pos p) as P.
  destruct (near_minimum_weights (part g kept) (power p) V eps V_minimum Pe) as [d1 [P1 H1]].
  destruct (common_positive (fun e d => d <= amplitude p e * exp (p * ln (eps / Rabs (weight e)))) (connections g))
    as [d2 [P2 H2]].
  { intros e d d' L Q. lra. }
  { intros e _. exists (amplitude p e * exp (p * ln (eps / Rabs (weight e)))). split; [|lra].
    apply Rmult_lt_0_compat; [apply amplitude_pos|apply exp_pos]. }
  exists (Rmin d1 d2). pose proof (Rmin_l d1 d2). pose proof (Rmin_r d1 d2). split; [now apply Rmin_pos|].
  intros x G T e I. rewrite total_parts in T. destruct (kept e) eqn:K.
  - apply (H1 x G); [|simpl; apply filter_In; auto]. pose proof (dropped_nonneg x). fold low. lra.
  - pose proof (low_below x G) as Lo. pose proof (Rabs_pos_lt _ (nonzero e)) as Pw. pose proof (amplitude_pos p e) as A.
    assert (Ie : In e dropped) by (apply filter_In; now rewrite K).
    pose proof (sum_member (cost_at p g x) dropped e ltac:(intros; left; apply cost_at_pos) Ie) as M.
    unfold cost_at at 1 in M. rewrite power_cost_exp in M. specialize (H2 e I).
    assert (Lt : exponent g x e < ln (eps / Rabs (weight e))).
    { apply Rmult_lt_reg_l with p; [auto|]. apply exp_lt_inv. apply Rmult_lt_reg_l with (amplitude p e); [auto|]. lra. }
    unfold rescaled_weight. rewrite Rminus_0_r, Rabs_mult, (Rabs_right (exp _)) by (left; apply exp_pos).
    apply exp_increasing in Lt. rewrite exp_ln in Lt by now apply Rdiv_lt_0_compat.
    replace eps with (Rabs (weight e) * (eps / Rabs (weight e))) by (field; lra). apply Rmult_lt_compat_l; auto.
Qed.

(** A cost that tends to that of the limit takes the weights along. *)
Lemma cost_reaches_limit X : (forall n, grounded g (X n)) ->
  (forall eta, 0 < eta -> exists N, forall n, (N <= n)%nat -> total g (power p) (X n) < low + eta) ->
  reaches_limit g kept X V.
Proof.
  intros G C e I eps Pe. destruct (near_limit eps Pe) as [d [Pd H]]. destruct (C d Pd) as [N HN].
  exists N. intros n L. apply H; auto.
Qed.

(** Any steps that gain a fixed share of what the exact ones gain lead to the limit under every fair schedule. *)
Lemma limit_is_reached_by_steps theta0 s X : 0 < theta0 -> fair g s -> steps (gains g (power p) theta0) s X ->
  grounded g (X 0%nat) -> reaches_limit g kept X V.
Proof.
  intros P0 Fs St G. pose proof (gains_effective_power p g theta0 P0) as Ef. apply cost_reaches_limit.
  - intro n. apply (steps_grounded g _ _ Ef s X St 0 n G).
  - apply (fair_cost g (power p) _ low Ef (powers_stiff p g) limit_leads s); auto.
Qed.

Section Runs.
Variables (solve : nat -> point -> R) (theta : nat -> R) (theta0 : R) (s : nat -> nat) (x : point).
Hypotheses (is_solver : solves g (power p) solve) (theta0_pos : 0 < theta0).
Hypotheses (theta_range : forall n, theta0 <= theta n <= 1) (x_grounded : grounded g x).
Let X := run solve theta s x.

(** Every fair schedule and every greedy one, exact or relaxed, leads to the limit. *)
Lemma limit_is_reached : fair g s -> reaches_limit g kept X V.
Proof.
  intro Fs. apply limit_is_reached_by_steps with (theta0 := theta0) (s := s); auto.
  intro n. unfold X. simpl. apply relaxed_gains; auto; [apply Fs|lra].
Qed.

Lemma limit_is_reached_greedily : greedy g (power p) solve X s -> reaches_limit g kept X V.
Proof.
  intro Gr. pose proof (gains_effective_power p g theta0 theta0_pos) as Ef.
  assert (St : steps (gains g (power p) theta0) s X).
  { intro n. unfold X. simpl. apply relaxed_gains; auto; [apply Gr|lra]. }
  apply cost_reaches_limit.
  - intro n. apply (steps_grounded g _ _ Ef s X St 0 n x_grounded).
  - apply (greedy_gains_cost g (power p) solve low theta0 X s); auto using limit_leads.
    apply gains_effective_power. lra.
Qed.
End Runs.
End Limit.

(** So every network has a limit to which local balancing leads, whatever the degrees. *)
Theorem every_network_has_a_limit (p : posreal) g : exists kept V, minimum (part g kept) (power p) V /\
  (exists h, escape g kept h) /\ forall solve theta theta0 s x, solves g (power p) solve -> 0 < theta0 ->
  (forall n, theta0 <= theta n <= 1) -> grounded g x ->
  fair g s \/ greedy g (power p) solve (run solve theta s x) s -> reaches_limit g kept (run solve theta s x) V.
Proof.
  destruct (limit_exists p g) as [kept [h [V [E M]]]]. exists kept, V. split; auto. split; [eauto|].
  intros solve theta theta0 s x Sol P0 Pt G [Fs|Gr].
  - now apply (limit_is_reached p g kept h V) with (theta0 := theta0).
  - now apply (limit_is_reached_greedily p g kept h V) with (theta0 := theta0).
Qed.

(** Degree 1: every connection on no directed cycle of the grounded graph goes to zero, the others to the balanced weights of
    the network of these ([lasting_part] in Limit.v), whose minimum V exists. Over-relaxed steps do as well. *)
Theorem local_balancing_reaches_the_limit (p : posreal) g : linear_degree g -> two_sided (loopless g) ->
  exists V, minimum (lasting_part g) (power p) V /\ forall theta theta0 s x, 0 < theta0 ->
  (forall n, theta0 <= theta n <= 2 - theta0) -> fair g s -> grounded g x ->
  reaches_limit g (lasting g) (run (closed_form p (loopless g)) theta s x) V.
Proof.
  intros D S. destruct (limit_keeps_the_function p g D) as [V [M _]]. exists V. split; auto.
  intros theta theta0 s x P0 Pt Fs G.
  destruct (shrink_all g (connections g) D ltac:(auto)) as [h [Gh H]].
  apply (limit_is_reached_by_steps p g (lasting g) h V) with (theta0 := theta0) (s := s); auto.
  - split; auto. intros e I. destruct (H e I) as [_ [A B]]. destruct (lasting g e) eqn:K; auto.
  - intro n. simpl. apply over_relaxed_gains; auto; [apply Fs|lra].
Qed.
