(** Any degree: exactly when the log-scales are unique. A part without ground can be shifted as a whole iff the gains
    multiply to 1 around each of its cycles.

    [gain g w]    the product along the walk w (Manifold.v: connections forwards or backwards) of the degree c_j of the
                  tail of every connection taken forwards, and of 1 / c_j for every connection taken backwards. A shift of
                  the log-scale of the start by t goes with one of gain t at the end, if no multiplier is to change.
                  For degree 1 all gains are 1.
    [joined g i j]   some walk leads from i to j: they belong to the same part.
    [linked g i]     as in Anchored.v: i is joined to the ground.
    [loose g i]      the free unit i is not linked to the ground and every cycle through it has gain 1. *)
From Coq Require Import Reals Psatz List Arith Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Existence Manifold Anchored.
Import ListNotations.
Open Scope R_scope.

Fixpoint gain g (w : list move) : R := match w with
  | [] => 1
  | Forward e :: w => degree g (tail e) * gain g w
  | Backward e :: w => / degree g (tail e) * gain g w
  | Jump _ :: w => gain g w
  end.

Definition joined g i j := exists w, walk g i w j.
Definition loose g i := free g i = true /\ ~ linked g i /\ forall w, walk g i w i -> gain g w = 1.

Lemma gain_pos g w : 0 < gain g w.
Proof.
  induction w as [|[e|e|j] w IH]; simpl; [lra| | |auto]; apply Rmult_lt_0_compat; auto; [apply cond_pos|].
  apply Rinv_0_lt_compat, cond_pos.
Qed.

Lemma gain_app g v w : gain g (v ++ w) = gain g v * gain g w.
Proof. induction v as [|[e|e|j] v IH]; simpl; rewrite ?IH; ring. Qed.

Lemma gain_back g i w j : walk g i w j -> exists v, walk g j v i /\ gain g v = / gain g w.
Proof.
  induction 1 as [i|e w k I W [v [V S]]|e w k I W [v [V S]]|i j w k F F' W [v [V S]]].
  - exists []. split; [constructor|simpl; now rewrite Rinv_1].
  - exists (v ++ [Backward e]). split; [eapply walk_app; [exact V|]; constructor; auto; constructor|].
    rewrite gain_app, S. simpl. pose proof (gain_pos g w). pose proof (cond_pos (degree g (tail e))). field. lra.
  - exists (v ++ [Forward e]). split; [eapply walk_app; [exact V|]; constructor; auto; constructor|].
    rewrite gain_app, S. simpl. pose proof (gain_pos g w). pose proof (cond_pos (degree g (tail e))). field. lra.
  - exists (v ++ [Jump i]). split; [eapply walk_app; [exact V|]; constructor; auto; constructor|].
    rewrite gain_app, S. simpl. ring.
Qed.

Lemma joined_symmetric g i j : joined g i j -> joined g j i.
Proof. intros [w W]. destruct (gain_back g i w j W) as [v [X _]]. now exists v. Qed.

Lemma joined_transitive g i j k : joined g i j -> joined g j k -> joined g i k.
Proof. intros [v X] [w Y]. exists (v ++ w). eapply walk_app; eauto. Qed.

(** Where no multiplier changes, a shift is carried along every walk with its gain. *)
Lemma shift_carried g h i w j : grounded g h -> (forall e, In e (connections g) -> exponent g h e = 0) ->
  walk g i w j -> h j = gain g w * h i.
Proof.
  intros G Z. unfold exponent in Z. induction 1 as [i|e w k I W IH|e w k I W IH|i j w k F F' W IH]; simpl.
  - ring.
  - rewrite IH. specialize (Z e I). replace (h (head e)) with (degree g (tail e) * h (tail e)) by lra. ring.
  - rewrite IH. specialize (Z e I). pose proof (cond_pos (degree g (tail e))).
    replace (h (head e)) with (degree g (tail e) * h (tail e)) by lra. field. lra.
  - rewrite IH, (G i), (G j) by auto. ring.
Qed.

(** The shift of a loose part by 1 at unit i: the gain of any walk from i, and zero in other parts *)
Section Shift.
Variables (g : graph) (i : nat).
Hypothesis cycles : forall w, walk g i w i -> gain g w = 1.

Lemma gain_of_end v w j : walk g i v j -> walk g i w j -> gain g v = gain g w.
Proof.
  intros X Y. destruct (gain_back g i w j Y) as [u [U E]].
  pose proof (cycles _ (walk_app g _ _ _ _ _ X U)) as K. rewrite gain_app, E in K.
  pose proof (gain_pos g w). apply Rmult_eq_reg_r with (/ gain g w); [rewrite K; field; lra|].
  apply Rinv_neq_0_compat. lra.
Qed.

Let gains_at j t := t = 0 \/ exists w, walk g i w j /\ t = gain g w.

Lemma gains_bound j : bound (gains_at j).
Proof.
  destruct (classic (joined g i j)) as [[w W]|N].
  - exists (gain g w). pose proof (gain_pos g w). intros t [->|[v [X ->]]]; [lra|]. right. eapply gain_of_end; eauto.
  - exists 0. intros t [->|[v [X _]]]; [lra|]. exfalso. apply N. now exists v.
Qed.

Lemma gains_some j : exists t, gains_at j t.
Proof. exists 0. now left. Qed.

Definition shift : point := fun j => proj1_sig (completeness (gains_at j) (gains_bound j) (gains_some j)).

Lemma shift_joined w j : walk g i w j -> shift j = gain g w.
Proof.
  intro W. unfold shift. destruct completeness as [m [U L]]. simpl. apply Rle_antisym.
  - apply L. pose proof (gain_pos g w). intros t [->|[v [X ->]]]; [lra|]. right. eapply gain_of_end; eauto.
  - apply U. right. eauto.
Qed.

Lemma shift_elsewhere j : ~ joined g i j -> shift j = 0.
Proof.
  intro N. unfold shift. destruct completeness as [m [U L]]. simpl. apply Rle_antisym.
  - apply L. intros t [->|[v [X _]]]; [lra|]. exfalso. apply N. now exists v.
  - apply U. now left.
Qed.

Lemma shift_exponent e : In e (connections g) -> exponent g shift e = 0.
Proof.
  intro I. unfold exponent. destruct (classic (joined g i (tail e))) as [[w W]|N].
  - rewrite (shift_joined w _ W), (shift_joined (w ++ [Forward e]) (head e)).
    + rewrite gain_app. simpl. ring.
    + eapply walk_app; [exact W|]. constructor; auto. constructor.
  - rewrite !shift_elsewhere; [ring|auto|]. intros [w W]. apply N. exists (w ++ [Backward e]).
    eapply walk_app; [exact W|]. constructor; auto. constructor.
Qed.
End Shift.

Lemma loose_shift g i : loose g i -> exists h, grounded g h /\ (forall e, In e (connections g) -> exponent g h e = 0) /\
  h i = 1 /\ forall j, ~ joined g i j -> h j = 0.
Proof.
  intros [F [N C]]. exists (shift g i C). split; [|split; [now apply shift_exponent|split]].
  - intros v Fv. apply shift_elsewhere. intro J. apply N. destruct (joined_symmetric g i v J) as [w W]. now exists v, w.
  - apply (shift_joined g i C []). constructor.
  - intros j J. now apply shift_elsewhere.
Qed.

(** The theorem *)
Theorem anchored_iff_cycles g :
  anchored g <-> forall i, free g i = true -> linked g i \/ exists w, walk g i w i /\ gain g w <> 1.
Proof.
  split.
  - intros A i F. apply NNPP. intro N. destruct (loose_shift g i) as [h [G [Z [One _]]]].
    + split; auto. split; [tauto|]. intros w W. apply NNPP. intro K. apply N. right. eauto.
    + pose proof (A h G Z i). lra.
  - intros H h G Z i. destruct (free g i) eqn:F; [|auto]. destruct (H i F) as [[v [w [Fv W]]]|[w [W K]]].
    + rewrite (shift_carried g h v w i G Z W), (G v Fv). ring.
    + pose proof (shift_carried g h i w i G Z W) as E.
      assert (P : (gain g w - 1) * h i = 0) by lra. apply Rmult_integral in P. destruct P as [P|P]; [lra|exact P].
Qed.

(** Where a minimum is attained, its log-scales are unique iff every free unit is linked to the ground or lies in a part
    with a cycle whose gains do not multiply to 1. *)
Corollary log_scales_unique_iff_cycles g r x : minimum g r x ->
  ((forall y, minimum g r y -> forall i, y i = x i) <->
   forall i, free g i = true -> linked g i \/ exists w, walk g i w i /\ gain g w <> 1).
Proof. intro M. rewrite <- anchored_iff_cycles. now apply log_scales_unique_iff_anchored. Qed.

(** Degree 1: loose means not linked to the ground. *)
Lemma gain_degree_one g w : linear_degree g -> gain g w = 1.
Proof. intro D. induction w as [|[e|e|j] w IH]; simpl; rewrite ?D, ?IH; auto; field. Qed.

Lemma loose_degree_one g i : linear_degree g -> (loose g i <-> free g i = true /\ ~ linked g i).
Proof. intro D. split; [intros [F [N _]]; auto|intros [F N]; repeat split; auto; intros; now apply gain_degree_one]. Qed.

(** An example: two units that feed only each other, of degrees c and d. Their log-scales are unique unless c d = 1. *)
Definition two_units (c d : posreal) :=
  Graph [plain 0 1; plain 1 0] (fun i => if Nat.eqb i 0 then c else d) (fun i => Nat.ltb i 2).

Theorem two_units_anchored c d : anchored (two_units c d) <-> c * d <> 1.
Proof.
  pose proof (cond_pos c) as Pc. pose proof (cond_pos d) as Pd. split.
  - intros A E. pose proof (A (fun i => if Nat.eqb i 0 then 1 else if Nat.eqb i 1 then c else 0)) as K.
    enough (1 = 0) by lra. apply (K) with (i := 0%nat).
    + intros [|[|i]] F; try discriminate. reflexivity.
    + intros e [<-|[<-|[]]]; unfold exponent; simpl; lra.
  - intros N h G Z i. pose proof (Z _ (or_introl eq_refl)) as A. pose proof (Z _ (or_intror (or_introl eq_refl))) as B.
    unfold exponent in A, B. simpl in A, B.
    assert (Q : (1 - c * d) * h 0%nat = 0) by nra.
    apply Rmult_integral in Q. destruct Q as [Q|Q]; [exfalso; apply N; lra|].
    destruct i as [|[|i]]; [exact Q|rewrite Q in A; lra|]. apply G. reflexivity.
Qed.
