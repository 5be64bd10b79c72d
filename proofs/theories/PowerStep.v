(** L_p: the local step in a network in closed form, and convergence of the steps that the program takes.

    [inflow p g x i]   the total cost of the weights into i, at x;  [outflow p g x i] of the weights out of i.
    [closed_form p g i x]  x_i + ln (c_i outflow / inflow) / (p (1 + c_i)).
    [no_loops g]       no free unit is connected to itself.
    [two_sided g]      every free unit has a connection into it and one out of it. *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep OneUnit Comparison Convergence.
Import ListNotations.
Open Scope R_scope.

Definition inflow p g x i := into (fun e => power_cost p e (exponent g x e)) (connections g) i.
Definition outflow p g x i := out_of (fun e => power_cost p e (exponent g x e)) (connections g) i.
Definition closed_form p g i (x : point) := x i + best_shift (inflow p g x i) (outflow p g x i) (degree g i) p.
Definition no_loops g := forall e, In e (connections g) -> free g (head e) = true -> tail e <> head e.
Definition two_sided g := forall i, free g i = true ->
  (exists e, In e (connections g) /\ head e = i) /\ (exists e, In e (connections g) /\ tail e = i).

Lemma power_cost_pos p e t : 0 < power_cost p e t.
Proof. rewrite power_cost_exp. apply Rmult_lt_0_compat; [apply amplitude_pos|apply exp_pos]. Qed.

Lemma flow_pos (endpoint : connection -> nat) f (l : list connection) i : (forall e, 0 < f e) ->
  (exists e, In e l /\ endpoint e = i) -> 0 < sum (fun e => if Nat.eqb (endpoint e) i then f e else 0) l.
Proof.
  intros P [e [I Q]]. apply sum_pos.
  - intros a _. specialize (P a). destruct Nat.eqb; lra.
  - exists e. split; auto. now rewrite Q, Nat.eqb_refl.
Qed.

Lemma residual_power (p : posreal) g x i :
  residual g (power p) x i = p * (inflow p g x i - degree g i * outflow p g x i).
Proof.
  assert (K : forall endpoint : connection -> nat,
    sum (fun e => if Nat.eqb (endpoint e) i then slope (power p) e (exponent g x e) else 0) (connections g) =
    p * sum (fun e => if Nat.eqb (endpoint e) i then power_cost p e (exponent g x e) else 0) (connections g)).
  { intro endpoint. rewrite <- sum_scale. apply sum_ext. intros e _. simpl. unfold power_slope.
    rewrite power_cost_exp. destruct Nat.eqb; ring. }
  unfold residual, divergence, inflow, outflow, into, out_of. rewrite !K. ring.
Qed.

(** Balanced for L_p: the cost into every free unit is c_i times the cost out of it. *)
Theorem balanced_power (p : posreal) g x :
  balanced g (power p) x <-> forall i, free g i = true -> inflow p g x i = degree g i * outflow p g x i.
Proof.
  pose proof (cond_pos p). unfold balanced. split; intros H' i F; specialize (H' i F); rewrite residual_power in *.
  - apply Rmult_integral in H'. lra.
  - rewrite H'. ring.
Qed.

Section Step.
Variables (p : posreal) (g : graph).
Hypotheses (loops : no_loops g) (sides : two_sided g).

Lemma inflow_shift x i s : free g i = true -> inflow p g (set x i (x i + s)) i = exp (p * s) * inflow p g x i.
Proof.
  intro F. unfold inflow, into. rewrite <- sum_scale. apply sum_ext. intros e I.
  destruct (Nat.eqb_spec (head e) i) as [Q|]; [|ring]. pose proof (loops e I ltac:(now rewrite Q)) as N.
  unfold exponent. rewrite Q, set_same, set_other by congruence. rewrite !power_cost_exp.
  replace (p * (x i + s - degree g (tail e) * x (tail e))) with
    (p * s + p * (x i - degree g (tail e) * x (tail e))) by ring.
  rewrite exp_plus. ring.
Qed.

Lemma outflow_shift x i s : free g i = true ->
  outflow p g (set x i (x i + s)) i = exp (- (degree g i * p * s)) * outflow p g x i.
Proof.
  intro F. unfold outflow, out_of. rewrite <- sum_scale. apply sum_ext. intros e I.
  destruct (Nat.eqb_spec (tail e) i) as [Q|]; [|ring].
  assert (N : head e <> i) by (intro K; apply (loops e I); [now rewrite K|congruence]).
  unfold exponent. rewrite Q, set_same, set_other by congruence. rewrite !power_cost_exp.
  replace (p * (x (head e) - degree g i * (x i + s))) with
    (- (degree g i * p * s) + p * (x (head e) - degree g i * x i)) by ring.
  rewrite exp_plus. ring.
Qed.

Lemma inflow_pos x i : free g i = true -> 0 < inflow p g x i.
Proof. intro F. apply (flow_pos head); [intros; apply power_cost_pos|now apply sides]. Qed.

Lemma outflow_pos x i : free g i = true -> 0 < outflow p g x i.
Proof. intro F. apply (flow_pos tail); [intros; apply power_cost_pos|now apply sides]. Qed.

(** The closed form balances the unit. *)
Theorem closed_form_solves : solves g (power p) (closed_form p g).
Proof.
  intros i x F. rewrite residual_power. unfold closed_form. rewrite inflow_shift, outflow_shift by auto.
  pose proof (best_shift_balances (inflow p g x i) (outflow p g x i) (degree g i) p (inflow_pos x i F)
    (outflow_pos x i F) (cond_pos _) (cond_pos _)). rewrite Rmult_comm with (r2 := inflow p g x i). rewrite H. ring.
Qed.

(** Moving one unit of degree 1 changes the total cost as OneUnit.v says: the rest of the cost stays. *)
Lemma total_shift x i s : free g i = true ->
  total g (power p) (set x i (x i + s)) - total g (power p) x =
  unit_cost (inflow p g x i) (outflow p g x i) (degree g i) p s - (inflow p g x i + outflow p g x i).
Proof.
  intro F. unfold unit_cost.
  rewrite (Rmult_comm _ (exp (p * s))), (Rmult_comm _ (exp (- _))), <- inflow_shift, <- outflow_shift by auto.
  unfold total, inflow, outflow, into, out_of. rewrite <- !sum_plus, <- !sum_minus. apply sum_ext. intros e I. simpl.
  destruct (Nat.eqb_spec (head e) i) as [Q|N1]; destruct (Nat.eqb_spec (tail e) i) as [Q'|N2].
  - exfalso. apply (loops e I); [now rewrite Q|congruence].
  - ring.
  - ring.
  - assert (E : exponent g (set x i (x i + s)) e = exponent g x e) by (unfold exponent; now rewrite !set_other by auto).
    rewrite E. ring.
Qed.

(** A local step of a unit of degree 1 lowers the total cost by exactly (sqrt inflow - sqrt outflow)^2. *)
Theorem local_step_decrease x i : free g i = true -> degree g i = 1 :> R ->
  total g (power p) x - total g (power p) (set x i (closed_form p g i x)) =
  (sqrt (inflow p g x i) - sqrt (outflow p g x i)) * (sqrt (inflow p g x i) - sqrt (outflow p g x i)).
Proof.
  intros F D. unfold closed_form. pose proof (total_shift x i (best_shift (inflow p g x i) (outflow p g x i) (degree g i) p) F) as T.
  rewrite D in *.
  rewrite <- (decrease_of_a_step _ _ p (inflow_pos x i F) (outflow_pos x i F) (cond_pos p)).
  replace (unit_cost (inflow p g x i) (outflow p g x i) 1 p 0) with (inflow p g x i + outflow p g x i); [lra|].
  unfold unit_cost. rewrite !Rmult_0_r, Ropp_0, exp_0. ring.
Qed.

(** Any degree c: inflow and outflow, A and B before, sum to (1+c) c^(-c/(1+c)) A^(c/(1+c)) B^(1/(1+c)) afterwards. *)
Theorem local_step_decrease_any_degree x i : free g i = true ->
  let c := degree g i in let A := inflow p g x i in let B := outflow p g x i in
  total g (power p) x - total g (power p) (set x i (closed_form p g i x)) =
  A + B - (1 + c) * Rpower c (- (c / (1 + c))) * Rpower A (c / (1 + c)) * Rpower B (1 / (1 + c)).
Proof.
  intros F c A B. unfold closed_form. fold A B.
  pose proof (total_shift x i (best_shift A B c p) F) as T. fold A B in T.
  change (pos (degree g i)) with (pos c) in *.
  rewrite (best_cost A B c p (inflow_pos x i F) (outflow_pos x i F) (cond_pos c) (cond_pos p)) in T. lra.
Qed.

(** L_p, degree 1: local balancing in closed form converges to the minimum from every start under every fair
    schedule, with relaxation factors in [theta0, 1]. *)
Theorem closed_form_converges theta theta0 s V x : anchored g -> linear_degree g ->
  0 < theta0 -> (forall n, theta0 <= theta n <= 1) -> fair g s ->
  minimum g (power p) V -> grounded g x ->
  forall i, Un_cv (fun n => run (closed_form p g) theta s x n i) (V i).
Proof.
  intros A D P T S M G. apply (local_balancing_converges_from_every_start g (power p) _ A closed_form_solves theta theta0);
    auto.
Qed.

(** The cyclic schedule is fair, so it converges as well. *)
Lemma cyclic_fair (us : list nat) : us <> [] -> (forall i, In i us <-> free g i = true) ->
  fair g (fun n => nth (n mod length us) us 0%nat).
Proof.
  intros N E. assert (L : (length us <> 0)%nat) by (destruct us; simpl; congruence). split.
  - intro n. apply E, nth_In, Nat.mod_upper_bound; auto.
  - intros i F n. apply E in F. destruct (In_nth us i 0%nat F) as [k [Hk Q]].
    exists (k + n * length us)%nat. split; [nia|]. rewrite Nat.mod_add, Nat.mod_small by auto. exact Q.
Qed.

Corollary cyclic_balancing_converges (us : list nat) V x : anchored g -> linear_degree g ->
  us <> [] -> (forall i, In i us <-> free g i = true) -> minimum g (power p) V -> grounded g x ->
  forall i, Un_cv (fun n => run (closed_form p g) (fun _ => 1) (fun n => nth (n mod length us) us 0%nat) x n i) (V i).
Proof.
  intros A D N E M G. apply (closed_form_converges (fun _ => 1) 1); auto using cyclic_fair; intros; lra.
Qed.
End Step.
