(** Random draws without measure theory: probabilities of what n independent draws of units may show, as finite sums.

    [schedules us n]          all sequences of n units of the list us.
    [chance q w]              the product of the q_i over the entries i of w: the probability that independent draws, of unit
                              i with probability q_i, give w.
    [probability q us n P]    the sum of the chances of the schedules of length n with the property P.
    [misses i a b w]          unit i is not among the b entries of w after the first a. *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Existence.
Import ListNotations.
Open Scope R_scope.

Fixpoint schedules (us : list nat) n : list (list nat) := match n with
  | O => [[]]
  | S n => flat_map (fun i => map (cons i) (schedules us n)) us
  end.

Fixpoint chance (q : nat -> R) (w : list nat) : R := match w with [] => 1 | i :: w => q i * chance q w end.

Definition probability q us n (P : list nat -> Prop) := sum (fun w => number (P w) * chance q w) (schedules us n).

Definition misses i a b (w : list nat) := ~ In i (firstn b (skipn a w)).

Lemma sum_flat_map {T U} (f : U -> R) (h : T -> list U) l : sum f (flat_map h l) = sum (fun a => sum f (h a)) l.
Proof. induction l as [|a l IH]; simpl; [reflexivity|]. now rewrite sum_app, IH. Qed.

Lemma schedules_sum us n f : sum f (schedules us (S n)) = sum (fun i => sum (fun w => f (i :: w)) (schedules us n)) us.
Proof. simpl. rewrite sum_flat_map. apply sum_ext. intros i _. apply sum_map. Qed.

Lemma schedules_length us n w : In w (schedules us n) -> length w = n.
Proof.
  revert w. induction n as [|n IH]; simpl; intros w I; [destruct I as [<-|[]]; reflexivity|].
  apply in_flat_map in I. destruct I as [i [_ I]]. apply in_map_iff in I. destruct I as [v [<- I]]. simpl. now rewrite IH.
Qed.

Lemma schedules_members us n w : In w (schedules us n) -> incl w us.
Proof.
  revert w. induction n as [|n IH]; simpl; intros w I; [destruct I as [<-|[]]; intros i []|].
  apply in_flat_map in I. destruct I as [i [Ii I]]. apply in_map_iff in I. destruct I as [v [<- I]].
  intros j [<-|J]; [auto|now apply (IH v)].
Qed.

Lemma number_nonneg P : 0 <= number P.
Proof. destruct (number_spec P) as [[-> _]|[-> _]]; lra. Qed.

(** Draws with equal probabilities: the probability is the share of the schedules that have the property. *)
Theorem uniform_is_counting us n P : let m := INR (length us) in
  probability (fun _ => / m) us n P = sum (fun w => number (P w)) (schedules us n) / INR (length (schedules us n)).
Proof.
  intro m. assert (C : INR (length (schedules us n)) = m ^ n).
  { rewrite <- (Rmult_1_r (INR _)), <- (sum_constant 1). induction n as [|n IH]; [simpl; ring|].
    rewrite schedules_sum, IH, sum_constant. reflexivity. }
  unfold probability, Rdiv. rewrite C, Rmult_comm, <- sum_scale. apply sum_ext. intros w I. rewrite Rmult_comm. f_equal.
  rewrite <- pow_inv, <- (schedules_length us n w I). clear I. induction w as [|i w IH]; simpl; [reflexivity|now rewrite IH].
Qed.

Section Draws.
Variables (q : nat -> R) (us : list nat).
Hypotheses (us_nodup : NoDup us) (q_pos : forall i, In i us -> 0 < q i) (q_total : sum q us = 1).

Lemma chance_nonneg w : incl w us -> 0 <= chance q w.
Proof.
  induction w as [|i w IH]; simpl; intro I; [lra|]. apply Rmult_le_pos; [left; apply q_pos, I; now left|].
  apply IH. intros j J. apply I. now right.
Qed.

(** Something happens for certain. *)
Lemma chance_total n : sum (chance q) (schedules us n) = 1.
Proof.
  induction n as [|n IH]; [simpl; ring|]. rewrite schedules_sum. simpl.
  rewrite (sum_ext _ q); auto. intros i _. rewrite sum_scale, IH. ring.
Qed.

(** The probability that unit i is not drawn at b given places *)
Theorem probability_missing i a b n : In i us -> (a + b <= n)%nat -> probability q us n (misses i a b) = (1 - q i) ^ b.
Proof.
  intros I L. replace n with (a + b + (n - a - b))%nat by lia. generalize (n - a - b)%nat as c. clear L. intro c.
  unfold probability. induction a as [|a IH].
  - simpl plus. induction b as [|b IH].
    + rewrite (sum_ext _ (chance q)); [rewrite chance_total; reflexivity|]. intros w _.
      rewrite (number_iff _ True) by (unfold misses; simpl; tauto). destruct (number_spec True) as [[-> _]|[_ N]]; [ring|tauto].
    + simpl plus. rewrite schedules_sum. set (C := (1 - q i) ^ b) in *.
      rewrite (sum_ext _ (fun j => C * q j - (if Nat.eqb i j then C * q i else 0))).
      * rewrite sum_minus, sum_scale, q_total, (sum_delta (fun _ => C * q i)) by auto. unfold C. simpl. ring.
      * intros j _. destruct (Nat.eqb_spec i j) as [<-|N].
        -- rewrite sum_null; [ring|]. intros w _. rewrite (number_iff _ False) by (unfold misses; simpl; tauto).
           destruct (number_spec False) as [[_ N]|[-> _]]; [tauto|ring].
        -- rewrite <- IH, Rminus_0_r, Rmult_comm, <- sum_scale. apply sum_ext. intros w _. simpl.
           rewrite (number_iff (misses i 0 (S b) (j :: w)) (misses i 0 b w)); [ring|]. unfold misses. simpl.
           split; intros H K; apply H; [auto|destruct K; [congruence|auto]].
  - simpl plus. rewrite schedules_sum, (sum_ext _ (fun j => (1 - q i) ^ b * q j)).
    + rewrite sum_scale, q_total. ring.
    + intros j _. rewrite <- IH, Rmult_comm, <- sum_scale. apply sum_ext. intros w _. simpl.
      change (misses i (S a) b (j :: w)) with (misses i a b w). ring.
Qed.

(** A property that implies one of several has at most the sum of their probabilities. *)
Lemma probability_union {T} (P : list nat -> Prop) (Q : T -> list nat -> Prop) (l : list T) n b :
  (forall w, In w (schedules us n) -> P w -> exists a, In a l /\ Q a w) ->
  (forall a, In a l -> probability q us n (Q a) <= b) -> probability q us n P <= INR (length l) * b.
Proof.
  intros H B. rewrite <- sum_constant. apply Rle_trans with (sum (fun a => probability q us n (Q a)) l); [|now apply sum_le].
  unfold probability. rewrite sum_swap. apply sum_le. intros w Iw.
  pose proof (chance_nonneg w (schedules_members us n w Iw)) as C.
  assert (Z : forall a, 0 <= number (Q a w) * chance q w) by (intro a; apply Rmult_le_pos; auto using number_nonneg).
  destruct (number_spec (P w)) as [[-> Y]|[-> Y]]; [|rewrite Rmult_0_l; apply sum_nonneg; auto].
  apply NNPP in Y. destruct (H w Iw Y) as [a [I Qa]].
  apply Rle_trans with (number (Q a w) * chance q w).
  - destruct (number_spec (Q a w)) as [[-> _]|[_ K]]; [lra|tauto].
  - apply (sum_member (fun a => number (Q a w) * chance q w)); auto.
Qed.
End Draws.
