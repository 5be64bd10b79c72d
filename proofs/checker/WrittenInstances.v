(** A small network to which the theorems of Written.v and Merged.v apply, in all their cases at once.

    [small]          L_1. Unit 0 is its input; units 1 and 2 are tied; 1 and 2 feed 3 with weights 1 and 3, 3 feeds 1 with
                     weight 1, and 1 feeds 2 with weight 1; nothing of it leads to an output. So 0 -> 1, of weight 5, lies on
                     no cycle and is left out, and the rest is a part without ground, whose pin is the class of 1 and 2.
    [small_groups]   its connections as links: the two into 3 are one.
    [small_certificate]  number 1 is unit 3; balanced, its scale is half that of the pin, and the costs are 1, 2 and 2.
    [small_class], [small_keep], [small_number]   classes, what is kept, and the numbers of classes. *)
From Coq Require Import ZArith NArith Reals Psatz List Bool Arith Lia Lra Permutation.
From synbal Require Import Sums Graph Regularizer Existence Manifold Anchored CycleGains Limit Checker Sound Written Merged
  Instances.
Import ListNotations.

Section Certificate.
Open Scope Z_scope.
Definition small_certificate := Certificate 1000000 1048576 [(524276, 524300)]
  [Link 0 0 999999 1000001 999999 1000001; Link 0 1 3999999 4000001 1999900 2000100; Link 1 0 999999 1000001 1999900 2000100].

Example small_accepted : check small_certificate = true.
Proof. vm_compute. reflexivity. Qed.
End Certificate.

Open Scope R_scope.
Lemma three_nonzero : 3 <> 0. Proof. lra. Qed.
Lemma five_nonzero : 5 <> 0. Proof. lra. Qed.
Definition small := Graph
  [plain 0 1 5 five_nonzero; plain 1 2 1 one_nonzero; plain 1 3 1 one_nonzero; plain 2 3 3 three_nonzero;
   plain 3 1 1 one_nonzero]
  (fun _ => one_posreal) (fun i => match i with 1 | 2 | 3 => true | _ => false end)%nat.
Definition small_class (i : nat) : nat := match i with 1 | 2 => 1 | 3 => 2 | _ => 0 end%nat.
Definition small_groups : list group :=
  [(plain 0 1 5 five_nonzero, []); (plain 1 2 1 one_nonzero, []); (plain 1 3 1 one_nonzero, [plain 2 3 3 three_nonzero]);
   (plain 3 1 1 one_nonzero, [])].
Definition small_keep (e : connection) := negb (Nat.eqb (tail e) 0 && Nat.eqb (head e) 1).
Definition small_number (n : nat) : N := match n with 2%nat => 1%N | _ => 0%N end.
Definition small_merged := merged one_posreal small_class small_groups.

Lemma small_merges : merges small_class small_groups small.
Proof.
  split.
  - intros [|[|[|[|i]]]]; simpl; split; congruence.
  - intros q e Q I. simpl in Q. repeat destruct Q as [<-|Q]; simpl in I; repeat destruct I as [<-|I]; try reflexivity; tauto.
  - apply Permutation_refl.
Qed.

(** 1 and 2 of the merged network reach each other and nothing else. *)
Lemma small_reach i j : reach small_merged i j -> (i = 1 \/ i = 2)%nat -> (j = 1 \/ j = 2)%nat.
Proof.
  induction 1 as [|i j k [[e [I [<- <-]]]|[F F']] R IH]; intro H; auto; apply IH.
  - simpl in I. repeat destruct I as [<-|I]; simpl in *; try tauto; lia.
  - destruct H as [-> | ->]; discriminate.
Qed.

Lemma small_left_out : left_out small_keep small_merged.
Proof.
  intros e I K C. simpl in I. repeat destruct I as [<-|I]; try discriminate; try tauto.
  apply small_reach in C; simpl in *; lia.
Qed.

(** The parts of what is kept: the ground, the units 1 and 2, and every other number alone. *)
Lemma small_walk i w j : walk (part small_merged small_keep) i w j ->
  (i = j \/ (i = 1 \/ i = 2) /\ (j = 1 \/ j = 2))%nat.
Proof.
  induction 1 as [i|e w k I W IH|e w k I W IH|i j w k F F' W IH]; auto.
  - simpl in I. repeat destruct I as [<-|I]; simpl in *; try tauto; lia.
  - simpl in I. repeat destruct I as [<-|I]; simpl in *; try tauto; lia.
  - simpl in F, F'. apply negb_false_iff, Nat.eqb_eq in F. apply negb_false_iff, Nat.eqb_eq in F'. lia.
Qed.

Lemma small_pins : pins small_number (part small_merged small_keep).
Proof.
  split.
  - intros i F _ [v [w [Fv W]]]. apply small_walk in W. simpl in F, Fv. apply negb_true_iff, Nat.eqb_neq in F.
    apply negb_false_iff, Nat.eqb_eq in Fv. lia.
  - intros i j _ _ Ni Nj [w W]. apply small_walk in W.
    destruct W as [W|[[-> | ->] [-> | ->]]]; auto; discriminate.
Qed.

Lemma small_described : describes small_number small_certificate one_posreal (held small_number (part small_merged small_keep)).
Proof.
  split.
  - intros [|[|[|i]]]; simpl; congruence.
  - intros [|[|[|i]]]; simpl; try discriminate. intros _. exists 0%nat. split; auto.
  - intros [|[|[|i]]] [|[|[|j]]]; simpl; try discriminate; reflexivity.
  - repeat constructor; simpl; rewrite ?amplitude_joint; simpl;
      unfold amplitude; simpl; rewrite ?Rpower_1 by (apply Rabs_pos_lt; lra);
      unfold Rabs; repeat destruct Rcase_abs; lra.
Qed.

(** So the minimum of what is kept exists; the two weights into unit 3 cost together 2 up to 1 in 10,000 there, and that of
    weight 3 has three quarters of it. *)
Corollary small_bounded : exists z, minimum (part small_merged small_keep) (power one_posreal) z /\
  let cost e := penalty e * Rpower (Rabs (rescaled_weight small (spread small_class z) e)) 1 in
  let both := cost (plain 1 3 1 one_nonzero) + (cost (plain 2 3 3 three_nonzero) + 0) in
  1.9999 <= both <= 2.0001 /\ cost (plain 2 3 3 three_nonzero) = 3 / 4 * both.
Proof.
  destruct (checked_written small_certificate small_number one_posreal small small_class small_groups small_keep small_accepted
    ltac:(intro; reflexivity) small_merges small_left_out small_pins small_described) as [[z M] B].
  exists z. split; [exact M|]. destruct (B z M) as [C _]. unfold groups_bounded in C.
  inversion C as [|? ? ? ? _ C']; subst. inversion C' as [|? ? ? ? [D S] _]; subst. clear B C C'.
  cbv zeta in *. cbn [members fst snd sum cost_low cost_high amplitude_one small_certificate] in *.
  change (pos one_posreal) with 1 in *. split; [lra|]. rewrite (S (plain 2 3 3 three_nonzero)) at 1 by (right; left; reflexivity).
  unfold share. simpl. unfold amplitude. simpl. rewrite !Rpower_1 by (apply Rabs_pos_lt; lra).
  rewrite (Rabs_right 3), (Rabs_right 1) by lra. f_equal. lra.
Qed.
