(** Random schedules, without measure theory: of all schedules of n steps, counted, the share of those after which some
    weight may still be, or become again, as much as eps wrong tends to zero.

    [schedules us n]    all sequences of n units of the list us; drawing n units independently and uniformly, each of
                        them is equally likely.
    [share us n P]      the share of those that have the property P: the probability of P.
    [misses i a b w]    unit i is not among the b entries of w after the first a.
    [extends us w s]    the infinite schedule s of units of us begins with w.
    [may_cost ... c w]  some infinite schedule that begins with w leads to a cost of c or more after all of w or later.
    [may_be_wrong ... target us eps w]  so to a weight that is eps or more off its target.
    That the shares of the schedules that may be wrong tend to zero, for every eps, is almost sure convergence: the
    probability that some weight is off by eps at step n or later is at most the share for n. *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Comparison Convergence Existence Tangent Circulation Linear Rounds Stiff Descent
  StepShare AnyDegree.
Import ListNotations.
Open Scope R_scope.

Fixpoint schedules (us : list nat) n : list (list nat) := match n with
  | O => [[]]
  | S n => flat_map (fun i => map (cons i) (schedules us n)) us
  end.

Definition share us n (P : list nat -> Prop) :=
  sum (fun w => number (P w)) (schedules us n) / INR (length (schedules us n)).

Definition misses i a b (w : list nat) := ~ In i (firstn b (skipn a w)).

Lemma sum_flat_map {T U} (f : U -> R) (h : T -> list U) l : sum f (flat_map h l) = sum (fun a => sum f (h a)) l.
Proof. induction l as [|a l IH]; simpl; [reflexivity|]. now rewrite sum_app, IH. Qed.

Lemma schedules_sum us n f : sum f (schedules us (S n)) = sum (fun i => sum (fun w => f (i :: w)) (schedules us n)) us.
Proof. simpl. rewrite sum_flat_map. apply sum_ext. intros i _. apply sum_map. Qed.

Lemma number_nonneg P : 0 <= number P.
Proof. destruct (number_spec P) as [[-> _]|[-> _]]; lra. Qed.

Section Count.
Variables (us : list nat).
Hypothesis us_nodup : NoDup us.
Let m := INR (length us).

Lemma count_all n : INR (length (schedules us n)) = m ^ n.
Proof.
  rewrite <- (Rmult_1_r (INR _)), <- (sum_constant 1). induction n as [|n IH]; [simpl; ring|].
  rewrite schedules_sum, IH, sum_constant. reflexivity.
Qed.

(** The number of schedules in which unit i does not occur at b given places *)
Theorem count_missing i a b c : In i us ->
  sum (fun w => number (misses i a b w)) (schedules us (a + b + c)) = m ^ a * (m - 1) ^ b * m ^ c.
Proof.
  intro I. induction a as [|a IH].
  - simpl plus. induction b as [|b IH].
    + rewrite (sum_ext _ (fun _ => 1)).
      * rewrite sum_constant, count_all. simpl. ring.
      * intros w _. rewrite (number_iff _ True) by (unfold misses; simpl; tauto).
        destruct (number_spec True) as [[-> _]|[_ N]]; tauto.
    + simpl plus. rewrite schedules_sum.
      set (C := m ^ 0 * (m - 1) ^ b * m ^ c) in *.
      rewrite (sum_ext _ (fun j => C - (if Nat.eqb i j then C else 0))).
      * rewrite sum_minus, sum_constant, (sum_delta (fun _ => C)) by auto. fold m. unfold C. simpl. ring.
      * intros j _. destruct (Nat.eqb_spec i j) as [<-|N].
        -- rewrite sum_null; [ring|]. intros w _. rewrite (number_iff _ False) by (unfold misses; simpl; tauto).
           destruct (number_spec False) as [[_ N]|[-> _]]; tauto.
        -- rewrite <- IH, Rminus_0_r. apply sum_ext. intros w _. apply number_iff. unfold misses. simpl.
           split; intros H K; apply H; [auto|destruct K; [congruence|auto]].
  - simpl plus. rewrite schedules_sum, (sum_ext _ (fun _ => m ^ a * (m - 1) ^ b * m ^ c)).
    + rewrite sum_constant. fold m. simpl. ring.
    + intros j _. rewrite <- IH. reflexivity.
Qed.

(** Their share: the probability that a given unit does not have its turn in b given steps *)
Corollary share_missing i a b n : In i us -> (a + b <= n)%nat -> share us n (misses i a b) = ((m - 1) / m) ^ b.
Proof.
  intros I L. assert (Pm : 0 < m).
  { unfold m. apply lt_0_INR. destruct us; [destruct I|simpl; lia]. }
  unfold share. rewrite count_all. replace n with (a + b + (n - a - b))%nat by lia. rewrite count_missing by auto.
  rewrite !pow_add. unfold Rdiv. rewrite Rpow_mult_distr, pow_inv.
  assert (m ^ a <> 0 /\ m ^ b <> 0 /\ m ^ (n - a - b) <> 0) as [A [B C]] by (repeat split; apply pow_nonzero; lra).
  field. auto.
Qed.

(** A property that implies one of several has at most the sum of their shares. *)
Lemma share_union {T} (P : list nat -> Prop) (Q : T -> list nat -> Prop) (l : list T) n b :
  (forall w, In w (schedules us n) -> P w -> exists a, In a l /\ Q a w) -> us <> [] -> (forall a, In a l -> share us n (Q a) <= b) ->
  share us n P <= INR (length l) * b.
Proof.
  intros H N B. rewrite <- sum_constant. apply Rle_trans with (sum (fun a => share us n (Q a)) l); [|now apply sum_le].
  unfold share. assert (Pn : 0 < / INR (length (schedules us n))).
  { apply Rinv_0_lt_compat. rewrite count_all. apply pow_lt. unfold m. apply lt_0_INR. destruct us; [tauto|simpl; lia]. }
  unfold Rdiv. rewrite (sum_ext (fun a => sum (fun w => number (Q a w)) (schedules us n) * / INR (length (schedules us n)))
    (fun a => / INR (length (schedules us n)) * sum (fun w => number (Q a w)) (schedules us n))) by (intros; ring).
  rewrite sum_scale, Rmult_comm. apply Rmult_le_compat_l; [lra|]. rewrite sum_swap. apply sum_le. intros w Iw.
  destruct (number_spec (P w)) as [[-> Y]|[-> Y]]; [|apply sum_nonneg; intros; apply number_nonneg].
  apply NNPP in Y. destruct (H w Iw Y) as [a [I Qa]].
  apply Rle_trans with (number (Q a w)); [destruct (number_spec (Q a w)) as [[-> _]|[_ Z]]; [lra|tauto]|].
  apply (sum_member (fun a => number (Q a w))); auto. intros; apply number_nonneg.
Qed.
End Count.

Definition extends us (w : list nat) (s : nat -> nat) :=
  (forall k, In (s k) us) /\ forall k, (k < length w)%nat -> s k = nth k w 0%nat.

Definition may_cost g r solve theta x us c (w : list nat) := exists s n, extends us w s /\ (length w <= n)%nat /\
  c <= total g r (run solve theta s x n).

Definition may_be_wrong g solve theta x (target : connection -> R) us eps (w : list nat) := exists s n e,
  extends us w s /\ (length w <= n)%nat /\ In e (connections g) /\
  eps <= Rabs (rescaled_weight g (run solve theta s x n) e - target e).

Lemma schedules_length us n w : In w (schedules us n) -> length w = n.
Proof.
  revert w. induction n as [|n IH]; simpl; intros w I; [destruct I as [<-|[]]; reflexivity|].
  apply in_flat_map in I. destruct I as [i [_ I]]. apply in_map_iff in I. destruct I as [v [<- I]]. simpl. now rewrite IH.
Qed.

Lemma blocks_rounds g s b k : (forall j, (j < k)%nat -> covers g s (j * b) b) -> rounds g s k (k * b).
Proof.
  induction k as [|k IH]; intro H; [exact I|]. exists (k * b)%nat, b. split; [lia|]. split; [apply IH; auto|apply H; lia].
Qed.

Lemma rounds_more g s k n m : (n <= m)%nat -> rounds g s k n -> rounds g s k m.
Proof. destruct k as [|k]; simpl; auto. intros L [a [j [Q H]]]. exists a, j. split; [lia|auto]. Qed.

Section Random.
Variables (g : graph) (r : regularizer) (solve : nat -> point -> R) (theta : nat -> R) (theta0 : R) (x : point).
Variable us : list nat.
Hypotheses (is_solver : solves g r solve) (theta0_pos : 0 < theta0) (theta_range : forall n, theta0 <= theta n <= 1).
Hypotheses (x_grounded : grounded g x) (us_nodup : NoDup us) (us_some : us <> []).
Hypothesis us_free : forall i, In i us <-> free g i = true.

Lemma extended_steps w s : extends us w s -> steps (gains g r theta0) s (run solve theta s x).
Proof. intros [Su _] l. simpl. apply relaxed_gains; auto; [|lra]. apply us_free, Su. Qed.

(** The cost, wherever the descent argument holds: the share of the schedules after which it may be eta or more above its
    infimum tends to zero. *)
Theorem random_schedules_cost low eta eps : effective g r (gains g r theta0) -> stiff g r -> leads g r low ->
  0 < eta -> 0 < eps ->
  exists N, forall n, (N <= n)%nat -> share us n (may_cost g r solve theta x us (low + eta)) <= eps.
Proof.
  intros Ef St Le Pn Pe. destruct (rounds_suffice g r _ low Ef St Le (total g r x) eta Pn) as [K HK].
  (* blocks long enough *)
  set (m := INR (length us)). assert (Pm : 0 < m) by (unfold m; apply lt_0_INR; destruct us; [tauto|simpl; lia]).
  assert (Q : 0 <= (m - 1) / m < 1).
  { assert (1 <= m) by (unfold m; apply (le_INR 1); destruct us; [tauto|simpl; lia]). split.
    - unfold Rdiv. apply Rmult_le_pos; [lra|left; now apply Rinv_0_lt_compat].
    - apply Rmult_lt_reg_r with m; auto. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  set (pairs := list_prod (seq 0 K) (active g)). set (c := INR (length pairs) + 1).
  assert (Pc : 0 < c) by (unfold c; pose proof (pos_INR (length pairs)); lra).
  destruct (pow_lt_1_zero ((m - 1) / m) ltac:(rewrite Rabs_right; lra) (eps / c) ltac:(apply Rdiv_lt_0_compat; lra)) as [b Hb].
  specialize (Hb b (le_n b)). rewrite Rabs_right in Hb by (apply Rle_ge, pow_le; lra).
  exists (K * b)%nat. intros n Ln.
  apply Rle_trans with (INR (length pairs) * ((m - 1) / m) ^ b).
  - apply (share_union us us_nodup _ (fun q : nat * nat => misses (snd q) (fst q * b)%nat b)); auto.
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
      right. apply share_missing; auto; [|nia]. apply us_free. now apply active_free in Ii.
  - replace eps with (c * (eps / c)) by (field; lra).
    assert (0 <= ((m - 1) / m) ^ b) by (apply pow_le; lra). pose proof (pos_INR (length pairs)). unfold c at 1. nra.
Qed.

(** The weights, wherever a cost near its infimum means weights near their targets *)
Theorem random_schedules_weights low target delta eps : effective g r (gains g r theta0) -> stiff g r -> leads g r low ->
  (exists d, 0 < d /\ forall y, grounded g y -> total g r y < low + d ->
     forall e, In e (connections g) -> Rabs (rescaled_weight g y e - target e) < delta) -> 0 < eps ->
  exists N, forall n, (N <= n)%nat -> share us n (may_be_wrong g solve theta x target us delta) <= eps.
Proof.
  intros Ef St Le [d [Pd H]] Pe. destruct (random_schedules_cost low d eps Ef St Le Pd Pe) as [N HN].
  exists N. intros n L. apply Rle_trans with (INR (length [tt]) * share us n (may_cost g r solve theta x us (low + d))).
  - apply (share_union us us_nodup _ (fun _ => may_cost g r solve theta x us (low + d))); auto; [|intros; lra].
    intros w Iw [s [k [e [Ex [Lk [Ie Off]]]]]]. exists tt. split; [now left|]. exists s, k. split; auto. split; auto.
    apply Rnot_lt_le. intro T.
    pose proof (H _ (steps_grounded g r _ Ef s _ (extended_steps w s Ex) 0 k x_grounded) T e Ie). simpl plus in *. lra.
  - specialize (HN n L). simpl INR. lra.
Qed.

(** The theorem: any degree and cost, minimum attained. *)
Theorem random_schedules_converge V delta eps : minimum g r V -> 0 < delta -> 0 < eps ->
  exists N, forall n, (N <= n)%nat ->
  share us n (may_be_wrong g solve theta x (rescaled_weight g V) us delta) <= eps.
Proof.
  intros M Pd Pe. apply (random_schedules_weights (total g r V)); auto.
  - now apply (gains_effective g r V).
  - now apply (minimum_stiff g r V).
  - now apply minimum_leads.
  - now apply near_minimum_weights.
Qed.
End Random.
