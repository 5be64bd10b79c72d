(** The descent argument: a round of local steps in which every unit has its turn lowers the total cost by a fixed amount,
    until the cost is near its infimum. Any degree, any cost, any graph; the steps may be any that lower the cost enough.
    What it needs of the cost is below; Stiff.v and StiffPowers.v show it for any cost with a minimum, and for powers.

    [effective g r R]   R i x y says that y may follow x when unit i has its turn. Only the log-scale of i changes, i is
                        free, the cost does not rise, and on points of bounded cost it falls by a fixed amount as long as
                        the residual of i is not small.
    [steps R s X]       the sequence X of points takes such steps, unit s n at step n.
    [covers g s n k]    every free unit with a connection has a turn among the k steps from step n on.
    [active g]          these units (Linear.v).
    [stiff g r]         moving units whose residuals are small, without raising the cost, changes all residuals little.
    [leads g r m]       no cost is below m, and where all residuals are small the cost is near m. *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Tangent Linear.
Import ListNotations.
Open Scope R_scope.

Definition effective g r (R : nat -> point -> point -> Prop) :=
  (forall i x y, R i x y -> free g i = true /\ (forall j, j <> i -> y j = x j) /\ total g r y <= total g r x) /\
  (forall F eps, 0 < eps -> exists delta, 0 < delta /\ forall i x y, grounded g x -> total g r x <= F -> R i x y ->
     eps <= Rabs (residual g r x i) -> total g r y <= total g r x - delta).

Definition steps (R : nat -> point -> point -> Prop) (s : nat -> nat) (X : nat -> point) :=
  forall n, R (s n) (X n) (X (S n)).

Definition covers g (s : nat -> nat) n k := forall i, In i (active g) -> exists m, (n <= m < n + k)%nat /\ s m = i.

Definition stiff g r := forall F J eps, NoDup J -> 0 < eps -> exists d, 0 < d /\ forall x y, grounded g x -> grounded g y ->
  total g r x <= F -> total g r y <= total g r x -> (forall i, In i (units g) -> ~ In i J -> y i = x i) ->
  (forall i, In i J -> Rabs (residual g r x i) <= d) -> forall i, Rabs (residual g r y i - residual g r x i) <= eps.

Definition leads g r m := (forall x, grounded g x -> m <= total g r x) /\
  forall F eta, 0 < eta -> exists eps, 0 < eps /\ forall x, grounded g x -> total g r x <= F ->
    (forall i, In i (active g) -> Rabs (residual g r x i) <= eps) -> total g r x < m + eta.

Section Descent.
Variables (g : graph) (r : regularizer) (R : nat -> point -> point -> Prop) (low : Rdefinitions.R).
Hypotheses (R_effective : effective g r R) (is_stiff : stiff g r) (is_led : leads g r low).

Section Steps.
Variables (s : nat -> nat) (X : nat -> point).
Hypothesis X_steps : steps R s X.

Lemma steps_grounded n k : grounded g (X n) -> grounded g (X (n + k)%nat).
Proof.
  intro G. induction k as [|k IH]; [now rewrite Nat.add_0_r|]. rewrite Nat.add_succ_r. intros i F.
  destruct (proj1 R_effective _ _ _ (X_steps (n + k)%nat)) as [Fs [O _]]. rewrite O by congruence. auto.
Qed.

Lemma steps_lower n m : (n <= m)%nat -> total g r (X m) <= total g r (X n).
Proof.
  induction 1 as [|m L IH]; [lra|]. destruct (proj1 R_effective _ _ _ (X_steps m)) as [_ [_ T]]. lra.
Qed.

Lemma steps_elsewhere i n m : (n <= m)%nat -> (forall k, (n <= k < m)%nat -> s k <> i) -> X m i = X n i.
Proof.
  induction 1 as [|m L IH]; intro N; auto. destruct (proj1 R_effective _ _ _ (X_steps m)) as [_ [O _]].
  rewrite O; [apply IH; intros; apply N; lia|]. intro E. apply (N m); [lia|auto].
Qed.
End Steps.

(** The first step that visits a unit of a list *)
Lemma first_visit (s : nat -> nat) (l : list nat) n k : (exists m, (n <= m < n + k)%nat /\ In (s m) l) ->
  exists m, (n <= m < n + k)%nat /\ In (s m) l /\ forall j, (n <= j < m)%nat -> ~ In (s j) l.
Proof.
  induction k as [|k IH]; intros [m [L I]]; [lia|].
  destruct (Nat.eq_dec m (n + k)) as [->|D].
  - destruct (existsb (fun j => if in_dec Nat.eq_dec (s j) l then true else false) (seq n k)) eqn:E.
    + apply existsb_exists in E. destruct E as [j [J E]]. apply in_seq in J. destruct in_dec as [Q|]; [|discriminate].
      destruct IH as [m' [L' H]]; [exists j; split; [lia|auto]|]. exists m'. split; [lia|auto].
    + exists (n + k)%nat. split; [lia|]. split; auto. intros j J Q.
      assert (T : existsb (fun j => if in_dec Nat.eq_dec (s j) l then true else false) (seq n k) = true).
      { apply existsb_exists. exists j. split; [apply in_seq; lia|]. destruct in_dec; tauto. }
      congruence.
  - destruct IH as [m' [L' H]]; [exists m; split; [lia|auto]|]. exists m'. split; [lia|auto].
Qed.

(** Where a round lowers the cost by little, all residuals at its start are small: if those of J are, then so is that of
    the first unit outside J that has its turn, for the point has hardly moved until then. *)
Lemma round_flattens F eps c : 0 < eps -> forall J, NoDup J -> incl J (active g) ->
  (length (active g) - length J <= c)%nat -> exists d, 0 < d /\
  forall s X n k, steps R s X -> grounded g (X n) -> total g r (X n) <= F -> covers g s n k ->
  total g r (X n) - total g r (X (n + k)%nat) < d -> (forall i, In i J -> Rabs (residual g r (X n) i) <= d) ->
  forall i, In i (active g) -> Rabs (residual g r (X n) i) <= eps.
Proof.
  intro Pe. induction c as [|c IH]; intros J ND In_J L.
  { exists eps. split; auto. intros s X n k _ _ _ _ _ H i I. apply H.
    assert (Q : (length (active g) <= length J)%nat) by lia. exact (NoDup_length_incl ND Q In_J i I). }
  set (out := filter (fun i => if in_dec Nat.eq_dec i J then false else true) (active g)).
  assert (Out : forall i, In i out <-> In i (active g) /\ ~ In i J).
  { intro i. unfold out. rewrite filter_In. destruct in_dec; split; intros [? ?]; split; auto; try discriminate; tauto. }
  destruct (common_positive (fun j d => forall s X n k, steps R s X -> grounded g (X n) -> total g r (X n) <= F ->
    covers g s n k -> total g r (X n) - total g r (X (n + k)%nat) < d ->
    (forall i, In i (j :: J) -> Rabs (residual g r (X n) i) <= d) ->
    forall i, In i (active g) -> Rabs (residual g r (X n) i) <= eps) out) as [d1 [Pd1 H1]].
  { intros j d d' K Q s X n k S G T C D N. apply (K s X n k S G T C); [lra|]. intros i I. specialize (N i I). lra. }
  { intros j I. apply Out in I. apply IH.
    - now constructor.
    - intros i [<-|K]; [tauto|auto].
    - simpl. lia. }
  destruct (is_stiff F J (d1 / 2) ND ltac:(lra)) as [d2 [Pd2 H2]].
  destruct (proj2 R_effective F (d1 / 2) ltac:(lra)) as [d3 [Pd3 H3]].
  set (d := Rmin (Rmin eps d1) (Rmin d2 d3)).
  assert (d <= eps /\ d <= d1 /\ d <= d2 /\ d <= d3) as [De [D1 [D2 D3]]].
  { unfold d. pose proof (Rmin_l (Rmin eps d1) (Rmin d2 d3)). pose proof (Rmin_r (Rmin eps d1) (Rmin d2 d3)).
    pose proof (Rmin_l eps d1). pose proof (Rmin_r eps d1). pose proof (Rmin_l d2 d3). pose proof (Rmin_r d2 d3). lra. }
  exists d. split; [unfold d; repeat apply Rmin_pos; auto|].
  intros s X n k S G T C Dec Small i I.
  destruct (in_dec Nat.eq_dec i J) as [J_i|N_i]; [specialize (Small i J_i); lra|].
  destruct (C i I) as [m0 [Lm0 E0]].
  destruct (first_visit s out n k) as [m [Lm [Om First]]].
  { exists m0. split; auto. rewrite E0. now apply Out. }
  assert (Gm : grounded g (X m)).
  { replace m with (n + (m - n))%nat by lia. now apply (steps_grounded s). }
  pose proof (steps_lower s X S n m ltac:(lia)) as T1.
  pose proof (steps_lower s X S (1 + m)%nat (n + k)%nat ltac:(lia)) as T2. simpl in T2.
  assert (Rm : Rabs (residual g r (X m) (s m)) < d1 / 2).
  { apply Rnot_le_lt. intro Q. pose proof (H3 (s m) (X m) (X (1 + m)%nat) Gm ltac:(lra) (S m) Q) as Z. simpl in Z. lra. }
  assert (Move : Rabs (residual g r (X m) (s m) - residual g r (X n) (s m)) <= d1 / 2).
  { apply H2; auto.
    - intros j U_j N_j. destruct (free g j) eqn:F_j; [|now rewrite (Gm j), (G j)].
      apply (steps_elsewhere s X S); [lia|]. intros l Ll Q. apply (First l Ll). rewrite Q. apply Out.
      split; auto. now apply active_free.
    - intros j J_j. specialize (Small j J_j). lra. }
  assert (Rn : Rabs (residual g r (X n) (s m)) <= d1).
  { replace (residual g r (X n) (s m)) with
      (residual g r (X m) (s m) + - (residual g r (X m) (s m) - residual g r (X n) (s m))) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. lra. }
  apply (H1 (s m) Om s X n k S G T C); auto; [lra|].
  intros j [<-|J_j]; auto. specialize (Small j J_j). lra.
Qed.

(** The theorem: a round from a point whose cost is eta or more above low lowers it by at least delta. *)
Theorem a_round_lowers F eta : 0 < eta -> exists delta, 0 < delta /\
  forall s X n k, steps R s X -> grounded g (X n) -> total g r (X n) <= F -> covers g s n k ->
  total g r (X n) < low + eta \/ total g r (X (n + k)%nat) <= total g r (X n) - delta.
Proof.
  intro Pe. destruct (proj2 is_led F eta Pe) as [eps [Ps H]].
  destruct (round_flattens F eps (length (active g)) Ps [] (NoDup_nil _) ltac:(intros i []) ltac:(simpl; lia)) as [d [Pd K]].
  exists d. split; auto. intros s X n k S G T C.
  destruct (Rle_lt_dec (total g r (X (n + k)%nat)) (total g r (X n) - d)) as [L|L]; [now right|left].
  apply H; auto. apply (K s X n k); auto; [lra|]. intros i [].
Qed.
End Descent.
