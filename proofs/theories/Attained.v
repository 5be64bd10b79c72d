(** Degree 1, L_p: where every connection lies on a directed cycle of the grounded graph, the minimum is attained.

    Explicit super- and sub-solutions (by distance from the ground), then monotone iteration between them. Parts without
    ground are pinned at one unit each. *)
From Coq Require Import Reals Psatz List Arith Lia Bool Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Comparison OneUnit PowerStep Convergence Certificates Existence.
Import ListNotations.
Open Scope R_scope.

(** ** Distance from the ground: [within g k i] says that a walk of at most k connections leads from the ground to i. *)
Fixpoint within g k i : bool := match k with
  | O => negb (free g i)
  | S k => within g k i || existsb (fun e => Nat.eqb (head e) i && within g k (tail e)) (connections g)
  end.

Lemma within_next g k e : In e (connections g) -> within g k (tail e) = true -> within g (S k) (head e) = true.
Proof.
  intros I W. simpl. apply orb_true_intro. right. apply existsb_exists. exists e.
  rewrite Nat.eqb_refl, W. auto.
Qed.

Lemma within_more g k m i : (k <= m)%nat -> within g k i = true -> within g m i = true.
Proof. induction 1; auto. intro W. simpl. now rewrite IHle. Qed.

Lemma within_reach g i j : reach g i j -> forall k, within g k i = true -> exists m, within g m j = true.
Proof.
  induction 1 as [i|i j k [[e [I [<- <-]]]|[F F']] R IH]; intros m W.
  - eauto.
  - apply (IH (S m)). now apply within_next.
  - apply (IH 0%nat). simpl. now rewrite F'.
Qed.

Lemma within_last g k i : within g k i = false -> within g (S k) i = true ->
  exists e, In e (connections g) /\ head e = i /\ within g k (tail e) = true.
Proof.
  simpl. intros -> H. simpl in H. apply existsb_exists in H. destruct H as [e [I H]].
  apply andb_true_iff in H. destruct H as [H W]. apply Nat.eqb_eq in H. eauto.
Qed.

(** The least k for which i is within k *)
Lemma within_least g K i : within g K i = true -> free g i = true ->
  exists m, (m < K)%nat /\ within g m i = false /\ within g (S m) i = true.
Proof.
  intros W F. induction K as [|K IH]; [simpl in W; rewrite F in W; discriminate|].
  destruct (within g K i) eqn:E.
  - destruct (IH eq_refl) as [m [L H]]. exists m. split; [lia|auto].
  - exists K. auto.
Qed.

(** ** The super-solution: C (K - k) for every k < K such that i is not within k *)
Definition slab g C K i k := if within g k i then 0 else C * INR (K - k).
Definition high g C K : point := fun i => sum (slab g C K i) (seq 0 K).

Lemma sum_split f m K : (m <= K)%nat -> sum f (seq 0 K) = sum f (seq 0 m) + sum f (seq m (K - m)).
Proof. intro L. replace K with (m + (K - m))%nat at 1 by lia. now rewrite seq_app, sum_app. Qed.

Section Super.
Variables (g : graph) (p : posreal) (C : R) (K : nat).
Hypotheses (D : linear_degree g) (loops : no_loops g) (C_nonneg : 0 <= C).
Hypothesis all_within : forall i, free g i = true -> within g K i = true.
Hypothesis C_large : forall e, In e (connections g) ->
  sum (amplitude p) (connections g) <= amplitude p e * exp (p * C).

Lemma slab_nonneg i k : 0 <= slab g C K i k.
Proof. unfold slab. destruct within; [lra|]. apply Rmult_le_pos; auto using pos_INR. Qed.

Lemma high_rise i j m : (m < K)%nat -> within g m i = false -> within g m j = true ->
  high g C K i - high g C K j >= C * INR (K - m).
Proof.
  intros L Wi Wj. unfold high. rewrite !(sum_split _ (S m) K) by lia. rewrite !seq_S, !sum_app. simpl.
  assert (A : sum (slab g C K j) (seq 0 m) <= sum (slab g C K i) (seq 0 m)).
  { apply sum_le. intros k Hk. apply in_seq in Hk. unfold slab.
    destruct (within g k i) eqn:E; [rewrite (within_more g k m i) in Wi by (auto; lia); discriminate|].
    destruct within; [|lra]. apply Rmult_le_pos; auto using pos_INR. }
  assert (B : sum (slab g C K j) (seq (S m) (K - S m)) = 0).
  { apply sum_null. intros k Hk. apply in_seq in Hk. unfold slab. now rewrite (within_more g m k j) by (auto; lia). }
  pose proof (sum_nonneg (slab g C K i) (seq (S m) (K - S m)) ltac:(intros; apply slab_nonneg)).
  assert (slab g C K i m = C * INR (K - m)) by (unfold slab; now rewrite Wi).
  assert (slab g C K j m = 0) by (unfold slab; now rewrite Wj). lra.
Qed.

Lemma high_fall i j m : (m < K)%nat -> within g m i = false -> within g (S (S m)) j = true ->
  high g C K j - high g C K i <= C * INR (K - S m).
Proof.
  intros L Wi Wj.
  assert (A : sum (slab g C K j) (seq 0 (S m)) <= sum (slab g C K i) (seq 0 (S m))).
  { apply sum_le. intros k Hk. apply in_seq in Hk. unfold slab.
    destruct (within g k i) eqn:E; [rewrite (within_more g k m i) in Wi by (auto; lia); discriminate|].
    destruct within; [|lra]. apply Rmult_le_pos; auto using pos_INR. }
  unfold high. rewrite !(sum_split _ (S m) K) by lia.
  pose proof (sum_nonneg (slab g C K i) (seq (S m) (K - S m)) ltac:(intros; apply slab_nonneg)).
  enough (sum (slab g C K j) (seq (S m) (K - S m)) <= C * INR (K - S m)) by lra.
  destruct (K - S m)%nat as [|n] eqn:E; [simpl; lra|]. simpl seq. simpl sum.
  rewrite (sum_null _ (seq (S (S m)) n)).
  - unfold slab. rewrite E. pose proof (pos_INR (S n)). destruct within; [|lra].
    rewrite Rplus_0_r. now apply Rmult_le_pos.
  - intros k Hk. apply in_seq in Hk. unfold slab. now rewrite (within_more g (S (S m)) k j) by (auto; lia).
Qed.

Lemma high_grounded : grounded g (high g C K).
Proof.
  intros i F. apply sum_null. intros k _. unfold slab. rewrite (within_more g 0 k i); auto with arith.
  simpl. now rewrite F.
Qed.

Lemma high_super : super g (power p) (high g C K).
Proof.
  intros i F. rewrite residual_power, D. apply Rmult_le_pos; [left; apply cond_pos|]. rewrite Rmult_1_l.
  destruct (within_least g K i (all_within i F) F) as [m [L [W W']]].
  destruct (within_last g m i W W') as [e [I [H T]]].
  set (x := high g C K). pose proof (cond_pos p) as P.
  assert (In1 : amplitude p e * exp (p * (C * INR (K - m))) <= inflow p g x i).
  { apply Rle_trans with (power_cost p e (exponent g x e)).
    - rewrite power_cost_exp. apply Rmult_le_compat_l; [left; apply amplitude_pos|]. apply exp_le.
      apply Rmult_le_compat_l; [lra|]. unfold exponent. rewrite D, H, Rmult_1_l.
      pose proof (high_rise i (tail e) m L W T). unfold x. lra.
    - unfold inflow, into. pose proof (sum_member (fun e => if Nat.eqb (head e) i then power_cost p e (exponent g x e) else 0)
        (connections g) e) as S. cbv beta in S. rewrite H, Nat.eqb_refl in S. apply S; auto.
      intros b _. pose proof (power_cost_pos p b (exponent g x b)). destruct Nat.eqb; lra. }
  assert (Out : outflow p g x i <= exp (p * (C * INR (K - S m))) * sum (amplitude p) (connections g)).
  { unfold outflow, out_of. rewrite <- sum_scale. apply sum_le. intros b Ib.
    pose proof (amplitude_pos p b). pose proof (exp_pos (p * (C * INR (K - S m)))).
    destruct (Nat.eqb_spec (tail b) i) as [Q|]; [|nra].
    rewrite power_cost_exp, Rmult_comm. apply Rmult_le_compat_r; [lra|]. apply exp_le.
    apply Rmult_le_compat_l; [lra|]. unfold exponent. rewrite D, Q, Rmult_1_l.
    apply high_fall; auto. apply within_next; auto. now rewrite Q. }
  assert (E : p * (C * INR (K - m)) = p * (C * INR (K - S m)) + p * C).
  { replace (K - m)%nat with (S (K - S m)) by lia. rewrite S_INR. ring. }
  rewrite E, exp_plus in In1. pose proof (C_large e I). pose proof (exp_pos (p * (C * INR (K - S m)))). nra.
Qed.
End Super.

(** ** The reversed graph gives the sub-solution. *)
Definition flip e := Connection (head e) (tail e) (weight e) (nonzero e) (penalty e) (delayed e).
Definition reversed g := Graph (map flip (connections g)) (degree g) (free g).

Lemma residual_reversed (p : posreal) g x i : linear_degree g ->
  residual (reversed g) (power p) (fun j => - x j) i = - residual g (power p) x i.
Proof.
  intro D. unfold residual. rewrite !divergence_sum. simpl. rewrite sum_map.
  rewrite <- (Rmult_1_l (sum _ (connections g))), Ropp_mult_distr_l, <- sum_scale. apply sum_ext. intros e _. simpl.
  assert (E : exponent (reversed g) (fun j => - x j) (flip e) = exponent g x e).
  { unfold exponent. simpl. rewrite !D. ring. }
  rewrite E, !D. unfold power_slope, amplitude. simpl. do 2 destruct Nat.eqb; ring.
Qed.

Lemma reach_reversed g i j : reach g i j -> reach (reversed g) j i.
Proof.
  induction 1 as [|i j k L R IH]; [constructor|]. eapply reach_trans; [exact IH|]. apply reach_link.
  destruct L as [[e [I [<- <-]]]|[F F']]; [left|right; auto].
  exists (flip e). split; auto. now apply in_map.
Qed.

Lemma large_constant (p : posreal) (l : list connection) S : exists C, 0 <= C /\
  forall e, In e l -> S <= amplitude p e * exp (p * C).
Proof.
  pose proof (cond_pos p) as P. induction l as [|e l [C [N H]]].
  - exists 0. split; [lra|]. intros e [].
  - pose proof (amplitude_pos p e) as A. set (c := Rmax 0 (S / (p * amplitude p e))).
    assert (Q : S <= amplitude p e * (p * c)).
    { assert (S / (p * amplitude p e) <= c) by apply Rmax_r.
      replace S with (amplitude p e * (p * (S / (p * amplitude p e)))) at 1 by (field; lra).
      apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_l; lra. }
    assert (0 <= c) by apply Rmax_l.
    exists (C + c). split; [lra|]. intros e' [<-|I].
    + eapply Rle_trans; [exact Q|]. apply Rmult_le_compat_l; [lra|].
      pose proof (exp_ineq1_le (p * (C + c))). nra.
    + eapply Rle_trans; [apply H; auto|]. apply Rmult_le_compat_l; [left; apply amplitude_pos|]. apply exp_le. nra.
Qed.

Lemma uniform_distance g (us : list nat) : (forall i, In i us -> exists k, within g k i = true) ->
  exists K, forall i, In i us -> within g K i = true.
Proof.
  induction us as [|i us IH]; intro H.
  - exists 0%nat. intros i [].
  - destruct (IH ltac:(intros; apply H; simpl; auto)) as [K HK]. destruct (H i ltac:(simpl; auto)) as [k Hk].
    exists (K + k)%nat. intros j [<-|I]; [apply (within_more g k)|apply (within_more g K)]; auto; lia.
Qed.

Lemma super_exists (p : posreal) g : linear_degree g -> no_loops g ->
  (forall i, free g i = true -> In i (units g) /\ exists v, free g v = false /\ reach g v i) ->
  exists x, grounded g x /\ super g (power p) x /\ forall i, 0 <= x i.
Proof.
  intros D N H.
  destruct (uniform_distance g (filter (free g) (units g))) as [K HK].
  { intros i I. apply filter_In in I. destruct (H i (proj2 I)) as [_ [v [F R]]].
    apply (within_reach g v i R 0). simpl. now rewrite F. }
  destruct (large_constant p (connections g) (sum (amplitude p) (connections g))) as [C [P HC]].
  exists (high g C K). split; [now apply high_grounded|]. split.
  - apply high_super; auto. intros i F. apply HK. apply filter_In. split; auto. now apply H.
  - intro i. apply sum_nonneg. intros. now apply slab_nonneg.
Qed.
