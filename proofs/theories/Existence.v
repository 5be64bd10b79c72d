(** Degree 1, L_p: where a minimum is attained, every connection lies on a directed cycle of the grounded graph. The
    converse, and the theorem in both directions, are in Attained.v.

    [link g i j]     one step in the grounded graph: a connection from i to j, or i and j both belong to the ground
                     (all units that are not free are merged into one).
    [reach g i j]    a walk of such steps, of any length, from i to j.
    [on_cycle g e]   the head of e reaches its tail: e lies on a directed cycle of the grounded graph. *)
From Coq Require Import Reals Psatz List Arith Lia Bool.
From synbal Require Import Sums Graph Regularizer Convexity Comparison OneUnit PowerStep Convergence Certificates.
Import ListNotations.
Open Scope R_scope.

Definition link g i j :=
  (exists e, In e (connections g) /\ tail e = i /\ head e = j) \/ (free g i = false /\ free g j = false).

Inductive reach g : nat -> nat -> Prop :=
  | reach_here i : reach g i i
  | reach_next i j k : link g i j -> reach g j k -> reach g i k.

Definition on_cycle g e := reach g (head e) (tail e).

Lemma reach_trans g i j k : reach g i j -> reach g j k -> reach g i k.
Proof. induction 1; intros; auto. eapply reach_next; eauto. Qed.

Lemma reach_link g i j : link g i j -> reach g i j.
Proof. intro L. eapply reach_next; [exact L|constructor]. Qed.

(** A property as a number: 1 where it holds, 0 elsewhere *)
Definition number (P : Prop) : R := if ClassicalDedekindReals.sig_not_dec (~ P) then 0 else 1.

Lemma number_spec (P : Prop) : (number P = 1 /\ ~ ~ P) \/ (number P = 0 /\ ~ P).
Proof. unfold number. destruct ClassicalDedekindReals.sig_not_dec; tauto. Qed.

Lemma number_true (P : Prop) : P -> number P = 1.
Proof. intro H. destruct (number_spec P) as [[E _]|[_ N]]; tauto. Qed.

Lemma number_false (P : Prop) : ~ P -> number P = 0.
Proof. intro H. destruct (number_spec P) as [[_ N]|[E _]]; tauto. Qed.

Lemma number_le (P Q : Prop) : (P -> Q) -> number P <= number Q.
Proof. intro H. destruct (number_spec P) as [[-> Y]|[-> Y]]; destruct (number_spec Q) as [[-> Z]|[-> Z]]; try lra; tauto. Qed.

Lemma number_iff (P Q : Prop) : (P <-> Q) -> number P = number Q.
Proof. intro H. apply Rle_antisym; apply number_le; tauto. Qed.

(** ** Where a connection lies on no cycle, a direction lowers the cost of every point. *)
Lemma no_minimum_off_cycles (p : posreal) g x : linear_degree g -> minimum g (power p) x ->
  forall e, In e (connections g) -> ~ ~ on_cycle g e.
Proof.
  intros D M e I N.
  (* S: what the head of e reaches. Its indicator does not fall along a link, and rises along e. *)
  set (ind := fun i => number (reach g (head e) i)).
  assert (ground : forall i j, free g i = false -> free g j = false -> ind i = ind j).
  { intros i j Fi Fj. unfold ind.
    destruct (number_spec (reach g (head e) i)) as [[-> Y]|[-> Y]];
    destruct (number_spec (reach g (head e) j)) as [[-> Z]|[-> Z]]; auto; exfalso.
    - apply Y. intro R1. apply Z. eapply reach_trans; [exact R1|]. apply reach_link. right. auto.
    - apply Z. intro R1. apply Y. eapply reach_trans; [exact R1|]. apply reach_link. right. auto. }
  assert (along : forall e', In e' (connections g) -> ind (tail e') <= ind (head e')).
  { intros e' I'. unfold ind.
    destruct (number_spec (reach g (head e) (tail e'))) as [[-> Y]|[-> Y]];
    destruct (number_spec (reach g (head e) (head e'))) as [[-> Z]|[-> Z]]; try lra. exfalso.
    apply Y. intro R1. apply Z. eapply reach_trans; [exact R1|]. apply reach_link. left. exists e'. auto. }
  assert (here : ind (tail e) = 0 /\ ind (head e) = 1).
  { unfold ind. destruct (number_spec (reach g (head e) (tail e))) as [[_ Y]|[-> Y]]; [tauto|].
    destruct (number_spec (reach g (head e) (head e))) as [[-> Z]|[_ Z]]; auto. exfalso. apply Z. constructor. }
  assert (base : exists b, forall i, free g i = false -> ind i = b).
  { destruct (number_spec (exists i, free g i = false /\ ind i = 1)) as [[_ Y]|[_ Y]].
    - exists 1. intros i F. unfold ind in *. destruct (number_spec (reach g (head e) i)) as [[Q _]|[Q _]]; auto.
      exfalso. apply Y. intros [j [Fj Qj]]. pose proof (ground i j F Fj) as G. unfold ind in G. lra.
    - exists 0. intros i F. unfold ind in *. destruct (number_spec (reach g (head e) i)) as [[Q _]|[Q _]]; auto.
      exfalso. apply Y. exists i. auto. }
  destruct base as [b B].
  assert (T : total g (power p) (fun i => x i - (ind i - b)) < total g (power p) x).
  { assert (L : forall e', exponent g (fun i => x i - (ind i - b)) e' = exponent g x e' - (ind (head e') - ind (tail e'))).
    { intro e'. unfold exponent. rewrite !D. ring. }
    pose proof (cond_pos p) as P. apply sum_lt.
    - intros e' I'. simpl. rewrite L, !power_cost_exp. pose proof (along e' I').
      apply Rmult_le_compat_l; [left; apply amplitude_pos|].
      apply Certificates.exp_le. nra.
    - exists e. split; auto. simpl. rewrite L, !power_cost_exp. destruct here as [-> ->].
      apply Rmult_lt_compat_l; [apply amplitude_pos|]. apply exp_increasing. nra. }
  pose proof (proj2 M (fun i => x i - (ind i - b))) as K.
  specialize (K ltac:(intros i F; rewrite (proj1 M), B by auto; ring)). lra.
Qed.
