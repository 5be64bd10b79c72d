(** All units of a layer at once: where no connection joins two units of a list, balancing each of them alone and moving all
    together is the same as balancing them one after the other, in any order.

    [apart g us]      no connection joins two different units of us.
    [mixed us x y]    the point y at the units of us, x elsewhere. *)
From Coq Require Import Reals List Arith.
From synbal Require Import Sums Graph Regularizer LocalStep.
Import ListNotations.
Open Scope R_scope.

Definition apart g us := forall e, In e (connections g) -> In (tail e) us -> In (head e) us -> tail e = head e.
Definition mixed (us : list nat) (x y : point) : point := fun i => if in_dec Nat.eq_dec i us then y i else x i.

Theorem parallel_is_sequential g r us x y : apart g us ->
  (forall i, In i us -> balances g r i x (set x i (y i))) ->
  forall before i after, us = before ++ i :: after ->
  balances g r i (mixed before x y) (mixed (before ++ [i]) x y).
Proof.
  intros A B before i after E. assert (I : In i us) by (rewrite E; apply in_app_iff; right; now left).
  assert (Sub : forall j, In j (before ++ [i]) -> In j us).
  { intros j J. rewrite E. apply in_app_iff in J. apply in_app_iff. destruct J as [J|[J|[]]]; [now left|right; now left]. }
  split.
  - intros j N. unfold mixed. destruct in_dec as [J|J]; destruct in_dec as [K|K]; auto.
    + apply in_app_iff in J. destruct J as [J|[J|[]]]; [tauto|congruence].
    + exfalso. apply J. apply in_app_iff. now left.
  - rewrite <- (proj2 (B i I)). unfold residual. rewrite !divergence_sum. apply sum_ext. intros e Ie.
    assert (Here : mixed (before ++ [i]) x y i = y i).
    { unfold mixed. destruct in_dec as [|K]; auto. exfalso. apply K. apply in_app_iff. right. now left. }
    assert (There : forall j, j <> i -> ~ In j us -> mixed (before ++ [i]) x y j = x j).
    { intros j _ N. unfold mixed. destruct in_dec as [J|]; auto. exfalso. apply N, Sub, J. }
    destruct (Nat.eqb_spec (head e) i) as [H|H]; destruct (Nat.eqb_spec (tail e) i) as [T|T]; try ring.
    + f_equal. f_equal. unfold exponent. rewrite H, T, set_same, Here. reflexivity.
    + f_equal. f_equal. unfold exponent. rewrite H, set_same, Here, set_other, There; auto.
      intro K. apply T. rewrite <- H. apply A; auto. now rewrite H.
    + f_equal. f_equal. unfold exponent. rewrite T, set_same, Here, set_other, There; auto.
      intro K. apply H. rewrite <- T. symmetry. apply A; auto. now rewrite T.
Qed.

(** Before the first of them the point is x, after the last it is y at all of them. *)
Lemma mixed_none x y i : mixed [] x y i = x i.
Proof. reflexivity. Qed.

Lemma mixed_all us x y i : mixed us x y i = if in_dec Nat.eq_dec i us then y i else x i.
Proof. reflexivity. Qed.
