(** Degree 1, L_p: where every connection lies on a directed cycle of the grounded graph, the minimum is attained.

    Explicit super- and sub-solutions (by distance from the ground), then monotone iteration between them. Parts without
    ground are pinned at one unit each. *)
From Coq Require Import Reals Psatz List Arith Lia Bool Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Comparison OneUnit PowerStep Convergence Certificates
  Existence.
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
    destruct (within g k j); [apply Rmult_le_pos; auto using pos_INR|apply Rle_refl]. }
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
    destruct (within g k j); [apply Rmult_le_pos; auto using pos_INR|apply Rle_refl]. }
  unfold high. rewrite !(sum_split _ (S m) K) by lia.
  pose proof (sum_nonneg (slab g C K i) (seq (S m) (K - S m)) ltac:(intros; apply slab_nonneg)).
  enough (sum (slab g C K j) (seq (S m) (K - S m)) <= C * INR (K - S m)) by lra.
  destruct (K - S m)%nat as [|n] eqn:E; [simpl; lra|]. simpl seq. simpl sum.
  rewrite (sum_null _ (seq (S (S m)) n)).
  - unfold slab. rewrite E, Rplus_0_r. pose proof (pos_INR (S n)).
    destruct (within g (S m) j); [now apply Rmult_le_pos|apply Rle_refl].
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
  match goal with |- _ = - ?s => replace (- s) with ((-1) * s) by ring end. rewrite <- sum_scale. apply sum_ext. intros e _. simpl.
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
    + apply Rle_trans with (amplitude p e' * exp (p * C)); [now apply H|].
      apply Rmult_le_compat_l; [left; apply amplitude_pos|]. apply exp_le. nra.
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

Lemma sub_exists (p : posreal) g : linear_degree g -> no_loops g ->
  (forall i, free g i = true -> In i (units g) /\ exists v, free g v = false /\ reach g i v) ->
  exists x, grounded g x /\ sub g (power p) x /\ forall i, x i <= 0.
Proof.
  intros D N H. destruct (super_exists p (reversed g)) as [x [gx [S P]]].
  - exact D.
  - intros e I F. simpl in I. apply in_map_iff in I. destruct I as [b [<- I]]. simpl in *. intro Q.
    apply (N b I); [now rewrite Q|auto].
  - intros i F. destruct (H i F) as [U [v [G R]]]. split.
    + apply nodup_In, in_flat_map in U. destruct U as [e [I U]]. apply nodup_In, in_flat_map.
      exists (flip e). split; [now apply in_map|]. simpl in *. tauto.
    + exists v. split; auto. now apply reach_reversed.
  - exists (fun i => - x i). split; [|split].
    + intros i F. rewrite gx by auto. ring.
    + intros i F. specialize (S i F). pose proof (residual_reversed p g (fun j => - x j) i D) as E.
      assert (E' : residual (reversed g) (power p) (fun j => - - x j) i = residual (reversed g) (power p) x i).
      { apply divergence_ext. intros e _. simpl. f_equal. unfold exponent. ring. }
      lra.
    + intro i. specialize (P i). lra.
Qed.

(** Attained where every free unit lies between ground and ground. *)
Lemma attained_grounded (p : posreal) g : linear_degree g -> no_loops g ->
  (forall i, free g i = true -> In i (units g) /\
     (exists v, free g v = false /\ reach g v i) /\ (exists v, free g v = false /\ reach g i v)) ->
  exists x, grounded g x /\ balanced g (power p) x.
Proof.
  intros D N H.
  destruct (super_exists p g D N) as [hi [gh [Sh Ph]]]; [intros i F; split; apply H; auto|].
  destruct (sub_exists p g D N) as [lo [gl [Sl Pl]]]; [intros i F; split; apply H; auto|].
  assert (A : anchored g).
  { intros h gr Z i. destruct (free g i) eqn:F; [|auto].
    destruct (H i F) as [_ [[v [Fv R]] _]]. rewrite <- (gr v Fv).
    assert (X : grounded g h -> h i = h v).
    { clear - D R Z. intro gr. induction R as [|a b c L R IH]; auto. rewrite IH.
      destruct L as [[e [I [<- <-]]]|[F F']]; [|now rewrite !gr].
      specialize (Z e I). unfold exponent in Z. rewrite D in Z. lra. }
    auto. }
  assert (T : two_sided g).
  { intros i F. destruct (H i F) as [_ [[v [Fv Rv]] [w [Fw Rw]]]]. split.
    - assert (X : free g v = false -> v = i \/ (exists e, In e (connections g) /\ head e = i) \/ free g i = false).
      { clear - Rv. intros _. induction Rv as [|a b c L R IH]; auto.
        destruct IH as [->|IH]; auto. right. destruct L as [[e [I [_ Q]]]|[_ G]]; [left; eauto|auto]. }
      destruct (X Fv) as [->|[X'|X']]; auto; congruence.
    - inversion Rw as [|a b c L R]; subst; [congruence|].
      destruct L as [[e [I [Q _]]]|[G _]]; [eauto|congruence]. }
  set (us := filter (free g) (units g)).
  assert (U : forall i, In i us <-> free g i = true).
  { intro i. unfold us. rewrite filter_In. split; [tauto|]. intro F. split; auto. now apply H. }
  destruct us as [|u0 us'] eqn:E.
  - exists (fun _ => 0). split; [intros i _; reflexivity|]. intros i F. apply U in F. destruct F.
  - rewrite <- E in *.
    destruct (local_balancing_converges g (power p) (closed_form p g) A (closed_form_solves p g N T) (fun _ => 1) 1
      (fun n => nth (n mod length us) us 0%nat) ltac:(lra) ltac:(intros; lra)
      (cyclic_fair g us ltac:(rewrite E; discriminate) U) lo hi lo gl gh Sl Sh) as [V [M _]].
    + intro i. specialize (Ph i). specialize (Pl i). lra.
    + exists V. split; [apply M|now apply minimum_is_balanced].
Qed.

(** ** Pinning: parts that no walk from the ground reaches get one unit of ground each, the one of least number. *)
Definition pinned g i := (forall v, free g v = false -> ~ reach g v i) /\ (forall j, (j < i)%nat -> ~ reach g j i).
Definition decide (P : Prop) : bool := if ClassicalDedekindReals.sig_not_dec P then true else false.

Lemma decide_spec P : decide P = true <-> P.
Proof.
  unfold decide. destruct ClassicalDedekindReals.sig_not_dec as [N|N]; split; intro Q; try discriminate; try tauto.
Qed.

Definition pin g := Graph (connections g) (degree g) (fun i => free g i && negb (decide (pinned g i))).

Lemma reach_pin g i j : reach g i j -> reach (pin g) i j.
Proof.
  induction 1 as [|i j k L R IH]; [constructor|]. apply (reach_next (pin g) i j k); [|exact IH].
  destruct L as [L|[F F']]; [left; exact L|right; simpl; now rewrite F, F'].
Qed.

Lemma reach_symmetric g : (forall e, In e (connections g) -> on_cycle g e) -> forall i j, reach g i j -> reach g j i.
Proof.
  intros H i j. induction 1 as [|i j k L R IH]; [constructor|]. eapply reach_trans; [exact IH|].
  destruct L as [[e [I [<- <-]]]|[F F']]; [now apply H|apply reach_link; right; auto].
Qed.

Lemma reached_from_pin g i : exists v, free (pin g) v = false /\ reach g v i.
Proof.
  destruct (classic (exists v, free g v = false /\ reach g v i)) as [[v [F R]]|N].
  - exists v. simpl. rewrite F. auto.
  - assert (L : forall n, (n <= i)%nat -> reach g n i -> exists j, (j <= n)%nat /\ reach g j i /\ forall k, (k < j)%nat -> ~ reach g k i).
    { induction n as [n IH] using lt_wf_ind. intros Hn R.
      destruct (classic (exists k, (k < n)%nat /\ reach g k i)) as [[k [Hk Rk]]|M].
      - destruct (IH k Hk ltac:(lia) Rk) as [j [Hj X]]. exists j. split; [lia|auto].
      - exists n. split; auto. split; auto. intros k Hk Rk. apply M. eauto. }
    destruct (L i ltac:(lia) (reach_here g i)) as [j [_ [R M]]]. exists j. split; auto. simpl.
    assert (P : decide (pinned g j) = true).
    { apply decide_spec. split.
      - intros v F Rv. apply N. exists v. split; auto. eapply reach_trans; eauto.
      - intros k Hk Rk. apply (M k Hk). eapply reach_trans; eauto. }
    rewrite P. apply andb_false_r.
Qed.

Lemma attained_without_loops (p : posreal) g : linear_degree g -> no_loops g ->
  (forall e, In e (connections g) -> on_cycle g e) -> exists x, minimum g (power p) x.
Proof.
  intros D N H. pose proof (reach_symmetric g H) as Sym.
  destruct (attained_grounded p (pin g)) as [x [gx B]].
  - exact D.
  - intros e I F. apply N; auto. simpl in F. apply andb_true_iff in F. tauto.
  - intros i F. destruct (reached_from_pin g i) as [v [Fv R]].
    assert (Ne : i <> v) by congruence.
    split; [|split; exists v; split; auto; apply reach_pin; auto].
    apply Sym in R. inversion R as [|a b c L R']; subst; [congruence|].
    destruct L as [[e [I [<- _]]]|[G _]]; [change (units (pin g)) with (units g); now apply tail_in_units|].
    simpl in F. rewrite G in F. discriminate.
  - exists x. apply balanced_is_minimum.
    + intros i F. apply gx. simpl. now rewrite F.
    + intros i F. destruct (free (pin g) i) eqn:E; [exact (B i E)|].
      assert (P : pinned g i).
      { simpl in E. rewrite F in E. simpl in E. apply negb_false_iff in E. apply decide_spec. exact E. }
      (* the residuals of the part of i sum to zero, and all others vanish *)
      assert (Z : sum (fun j => number (reach g i j) * residual g (power p) x j) (units g) = 0).
      { unfold residual. rewrite <- (by_parts g _ (fun j => number (reach g i j))). apply sum_null. intros e I.
        unfold exponent. rewrite D.
        assert (L : reach g (tail e) (head e)) by (apply reach_link; left; eauto).
        destruct (number_spec (reach g i (head e))) as [[-> Y]|[-> Y]];
        destruct (number_spec (reach g i (tail e))) as [[-> W]|[-> W]]; try ring; exfalso.
        - apply Y. intro R. apply W. eapply reach_trans; [exact R|]. now apply Sym.
        - apply W. intro R. apply Y. eapply reach_trans; eauto. }
      destruct (in_dec Nat.eq_dec i (units g)) as [U|U].
      2:{ unfold residual. rewrite divergence_sum. apply sum_null. intros e I.
          destruct (Nat.eqb_spec (head e) i) as [Q|_]; [exfalso; apply U; rewrite <- Q; now apply head_in_units|].
          destruct (Nat.eqb_spec (tail e) i) as [Q|_]; [exfalso; apply U; rewrite <- Q; now apply tail_in_units|]. ring. }
      rewrite <- (sum_delta (fun j => residual g (power p) x j) i (units g)) by auto using units_nodup.
      etransitivity; [|exact Z]. apply sum_ext. intros j _. destruct (Nat.eqb_spec i j) as [<-|Ne].
      * destruct (number_spec (reach g i i)) as [[-> _]|[_ Y]]; [ring|exfalso; apply Y; constructor].
      * destruct (number_spec (reach g i j)) as [[_ Y]|[-> _]]; [|ring]. apply NNPP in Y.
        assert (X : residual g (power p) x j = 0); [|rewrite X; ring].
        apply (B j). simpl. apply andb_true_iff. split.
        -- destruct (free g j) eqn:G; auto. exfalso. apply (proj1 P j G). now apply Sym.
        -- apply negb_true_iff. destruct (decide (pinned g j)) eqn:Q; auto. exfalso. apply (proj1 (decide_spec _)) in Q.
           destruct (Nat.lt_total i j) as [Lt|[Eq|Lt]]; [apply (proj2 Q i Lt Y)|tauto|apply (proj2 P j Lt); now apply Sym].
Qed.

(** ** Self-connections cost a constant for degree 1. *)
Definition is_loop e := Nat.eqb (tail e) (head e).
Definition loopless g := Graph (filter (fun e => negb (is_loop e)) (connections g)) (degree g) (free g).

Lemma total_loopless (p : posreal) g x : linear_degree g ->
  total g (power p) x = total (loopless g) (power p) x + sum (fun e => if is_loop e then amplitude p e else 0) (connections g).
Proof.
  intro D. unfold total. simpl. induction (connections g) as [|e l IH]; simpl; [ring|]. rewrite IH.
  destruct (is_loop e) eqn:E; simpl.
  - rewrite power_cost_exp. unfold exponent at 1. rewrite D. apply Nat.eqb_eq in E. rewrite E.
    replace (p * (x (head e) - 1 * x (head e))) with 0 by ring. rewrite exp_0.
    unfold exponent. simpl. ring.
  - change (exponent (loopless g) x e) with (exponent g x e). ring.
Qed.

Lemma reach_loopless g i j : reach g i j -> reach (loopless g) i j.
Proof.
  induction 1 as [|i j k [[e [I [<- <-]]]|G] R IH]; [constructor| |].
  - destruct (is_loop e) eqn:E.
    + apply Nat.eqb_eq in E. now rewrite E.
    + eapply reach_next; [|exact IH]. left. exists e. split; auto. simpl. apply filter_In. now rewrite E.
  - eapply reach_next; [|exact IH]. right. exact G.
Qed.

(** The theorem: a minimum exists if and only if every connection lies on a directed cycle of the grounded graph. *)
Theorem attained_iff_on_cycles (p : posreal) g : linear_degree g ->
  ((exists x, minimum g (power p) x) <-> forall e, In e (connections g) -> on_cycle g e).
Proof.
  intro D. split.
  - intros [x M] e I. apply NNPP. now apply (no_minimum_off_cycles p g x).
  - intro H. destruct (attained_without_loops p (loopless g)) as [x M].
    + exact D.
    + intros e I _. simpl in I. apply filter_In in I. destruct I as [_ E]. apply negb_true_iff in E.
      now apply Nat.eqb_neq in E.
    + intros e I. apply reach_loopless, H. simpl in I. apply filter_In in I. tauto.
    + exists x. split; [apply M|]. intros y gy. rewrite !(total_loopless p g) by auto.
      apply Rplus_le_compat_r. now apply M.
Qed.
