(** Random schedules: units drawn independently, unit i with probability q_i > 0. The probability that some weight is, or
    will once more be, as much as delta off after n draws tends to zero: the weights converge almost surely. Clocks that ring
    by independent Poisson processes give such draws.

    [probability q us n P]   the probability that n draws have the property P, a finite sum (Draws.v).
    [extends us w s]         the infinite schedule s of units of us begins with w.
    [may_cost ... c w]       some infinite schedule that begins with w leads to a cost of c or more after all of w or later.
    [may_be_wrong ... target us delta w]  so to a weight that is delta or more off its target.
    That a weight is delta off at step n or later implies that the first n draws may be wrong, so its probability is at most
    that of may_be_wrong, which is a property of n draws. *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Comparison Convergence Existence Tangent Circulation Linear Rounds
  Stiff Descent StepShare AnyDegree Draws.
Import ListNotations.
Open Scope R_scope.

Definition extends us (w : list nat) (s : nat -> nat) :=
  (forall k, In (s k) us) /\ forall k, (k < length w)%nat -> s k = nth k w 0%nat.

Definition may_cost g r solve theta x us c (w : list nat) := exists s n, extends us w s /\ (length w <= n)%nat /\
  c <= total g r (run solve theta s x n).

Definition may_be_wrong g solve theta x (target : connection -> R) us eps (w : list nat) := exists s n e,
  extends us w s /\ (length w <= n)%nat /\ In e (connections g) /\
  eps <= Rabs (rescaled_weight g (run solve theta s x n) e - target e).

Lemma blocks_rounds g s b k : (forall j, (j < k)%nat -> covers g s (j * b) b) -> rounds g s k (k * b).
Proof.
  induction k as [|k IH]; intro H; [exact I|]. exists (k * b)%nat, b. split; [lia|]. split; [apply IH; auto|apply H; lia].
Qed.

Lemma rounds_more g s k n m : (n <= m)%nat -> rounds g s k n -> rounds g s k m.
Proof. destruct k as [|k]; simpl; auto. intros L [a [j [Q H]]]. exists a, j. split; [lia|auto]. Qed.

Section Random.
Variables (g : graph) (r : regularizer) (solve : nat -> point -> R) (theta : nat -> R) (theta0 : R) (x : point).
Variables (q : nat -> R) (us : list nat).
Hypotheses (is_solver : solves g r solve) (theta0_pos : 0 < theta0) (theta_range : forall n, theta0 <= theta n <= 1).
Hypotheses (x_grounded : grounded g x) (us_nodup : NoDup us) (us_free : forall i, In i us <-> free g i = true).
Hypotheses (q_pos : forall i, In i us -> 0 < q i) (q_total : sum q us = 1).

Lemma extended_steps w s : extends us w s -> steps (gains g r theta0) s (run solve theta s x).
Proof. intros [Su _] l. simpl. apply relaxed_gains; auto; [|lra]. apply us_free, Su. Qed.

(** The cost, wherever the descent argument holds: the probability that it is eta or more above its infimum tends to zero. *)
Lemma random_schedules_cost low eta eps : effective g r (gains g r theta0) -> stiff g r -> leads g r low ->
  0 < eta -> 0 < eps ->
  exists N, forall n, (N <= n)%nat -> probability q us n (may_cost g r solve theta x us (low + eta)) <= eps.
Proof.
  intros Ef St Le Pn Pe. destruct (rounds_suffice g r _ low Ef St Le (total g r x) eta Pn) as [K HK].
  (* blocks long enough *)
  destruct (common_positive (fun i d => d <= q i) us) as [d [Pd D]]; [intros; lra|intros i I; exists (q i); split; auto; lra|].
  set (rho := Rmax 0 (1 - d)). assert (R0 : 0 <= rho) by apply Rmax_l. assert (R1 : 1 - d <= rho) by apply Rmax_r.
  assert (R2 : rho < 1) by (apply Rmax_lub_lt; lra).
  set (pairs := list_prod (seq 0 K) (active g)). set (c := INR (length pairs) + 1).
  assert (Pc : 0 < c) by (unfold c; pose proof (pos_INR (length pairs)); lra).
  destruct (pow_lt_1_zero rho ltac:(rewrite Rabs_right; lra) (eps / c) ltac:(apply Rdiv_lt_0_compat; lra)) as [b Hb].
  specialize (Hb b (le_n b)). rewrite Rabs_right in Hb by (apply Rle_ge, pow_le; lra).
  exists (K * b)%nat. intros n Ln.
  apply Rle_trans with (INR (length pairs) * rho ^ b).
  - apply (probability_union q us q_pos _ (fun ji : nat * nat => misses (snd ji) (fst ji * b)%nat b)); auto.
    + intros w Iw [s [k [Ex [Lk Off]]]]. apply schedules_length in Iw as Lw. apply NNPP. intro No.
      assert (Ro : rounds g s K n).
      { apply (rounds_more g s K (K * b)); auto. apply blocks_rounds. intros j Lj i Ii. apply NNPP. intro Nv. apply No.
        exists (j, i). split; [apply in_prod; [apply in_seq; lia|auto]|]. simpl. intro Q'.
        apply (In_nth _ _ 0%nat) in Q'. destruct Q' as [t [Lt Et]].
        assert (Lt' : (t < b)%nat) by (eapply Nat.lt_le_trans; [exact Lt|]; rewrite firstn_length; lia).
        assert (Lj' : (j * b + t < K * b)%nat) by nia.
        apply Nv. exists (j * b + t)%nat. split; [lia|]. rewrite (proj2 Ex) by lia. rewrite <- Et.
        rewrite <- (firstn_skipn (j * b) w) at 1. rewrite app_nth2; rewrite firstn_length_le by lia; [|lia].
        replace (j * b + t - j * b)%nat with t by lia.
        rewrite <- (firstn_skipn b (skipn (j * b) w)) at 1. now rewrite app_nth1. }
      pose proof (HK s (run solve theta s x) n (extended_steps w s Ex) x_grounded ltac:(simpl; lra) Ro k ltac:(lia)). lra.
    + intros [j i] I. apply in_prod_iff in I. destruct I as [Ij Ii]. apply in_seq in Ij. simpl.
      assert (Iu : In i us) by (apply us_free; now apply active_free in Ii).
      rewrite (probability_missing q us us_nodup q_total) by (auto; nia). apply pow_incr.
      pose proof (sum_member q us i ltac:(intros; left; auto) Iu). specialize (D i Iu). cbv beta in D. lra.
  - replace eps with (c * (eps / c)) by (field; lra).
    assert (0 <= rho ^ b) by (apply pow_le; lra). pose proof (pos_INR (length pairs)). unfold c at 1. nra.
Qed.

(** The weights, wherever a cost near its infimum means weights near their targets *)
Lemma random_schedules_weights low target delta eps : effective g r (gains g r theta0) -> stiff g r -> leads g r low ->
  (exists d, 0 < d /\ forall y, grounded g y -> total g r y < low + d ->
     forall e, In e (connections g) -> Rabs (rescaled_weight g y e - target e) < delta) -> 0 < eps ->
  exists N, forall n, (N <= n)%nat -> probability q us n (may_be_wrong g solve theta x target us delta) <= eps.
Proof.
  intros Ef St Le [d [Pd H]] Pe. destruct (random_schedules_cost low d eps Ef St Le Pd Pe) as [N HN].
  exists N. intros n L. apply Rle_trans with (INR (length [tt]) * probability q us n (may_cost g r solve theta x us (low + d))).
  - apply (probability_union q us q_pos _ (fun _ => may_cost g r solve theta x us (low + d))); [|intros; lra].
    intros w Iw [s [k [e [Ex [Lk [Ie Off]]]]]]. exists tt. split; [now left|]. exists s, k. split; auto. split; auto.
    apply Rnot_lt_le. intro T.
    pose proof (H _ (steps_grounded g r _ Ef s _ (extended_steps w s Ex) 0 k x_grounded) T e Ie). simpl plus in *. lra.
  - specialize (HN n L). simpl INR. lra.
Qed.

(** The theorem: any degree and cost, minimum attained. *)
Theorem random_schedules_converge V delta eps : minimum g r V -> 0 < delta -> 0 < eps ->
  exists N, forall n, (N <= n)%nat ->
  probability q us n (may_be_wrong g solve theta x (rescaled_weight g V) us delta) <= eps.
Proof.
  intros M Pd Pe. apply (random_schedules_weights (total g r V)); auto.
  - now apply (gains_effective g r V).
  - now apply (minimum_stiff g r V).
  - now apply minimum_leads.
  - now apply near_minimum_weights.
Qed.
End Random.
