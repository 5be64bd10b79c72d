(** Degree 1: directed walks split into a path without repeated units and directed cycles without repeated units, so it
    is enough that sums vanish along those.

    [path g i l j]    the connections of l lead from i to j and pass no unit twice.
    [cycle g i l]     they lead from i back to i and pass no other unit twice. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Manifold DirectedWalks.
Import ListNotations.
Open Scope R_scope.

Definition path g i l j := directed g i l j /\ NoDup (i :: map head l).
Definition cycle g i l := directed g i l i /\ NoDup (map head l).

Definition paths_vanish g L := forall v w l, free g v = false -> free g w = false -> path g v l w -> sum L l = 0.
Definition cycles_vanish g L := forall i l, cycle g i l -> sum L l = 0.

Lemma path_split g i l k : directed g i l k -> NoDup (i :: map head l) -> forall j, In j (i :: map head l) ->
  exists a b, l = a ++ b /\ directed g i a j /\ NoDup (i :: map head a) /\ path g j b k.
Proof.
  induction 1 as [i|e l k I W IH]; intros N j [<-|J].
  - exists [], []. repeat split; auto; constructor.
  - destruct J.
  - exists [], (e :: l). repeat split; auto; constructor; auto; constructor.
  - simpl in N. apply NoDup_cons_iff in N. destruct N as [N0 N].
    destruct (IH N j J) as [a [b [-> [A [Na B]]]]]. exists (e :: a), b.
    split; [reflexivity|]. split; [now constructor|]. split; [|exact B].
    simpl. constructor; [|exact Na]. rewrite map_app in N0. simpl in *. rewrite in_app_iff in N0. tauto.
Qed.

(** Where sums vanish along cycles, every walk has the sum of a path between its ends. *)
Theorem walk_has_path g L : cycles_vanish g L -> forall i l j, directed g i l j ->
  exists m, path g i m j /\ sum L m = sum L l.
Proof.
  intros C i l j. induction 1 as [i|e l k I W [m [[M N] S]]].
  - exists []. repeat split; auto; repeat constructor. intros [].
  - destruct (in_dec Nat.eq_dec (tail e) (head e :: map head m)) as [T|T].
    + destruct (path_split g _ _ _ M N _ T) as [a [b [-> [A [Na B]]]]]. exists b. split; [exact B|].
      assert (Z : sum L (e :: a) = 0).
      { apply (C (tail e)). split; [now constructor|exact Na]. }
      rewrite sum_app in S. simpl in *. lra.
    + exists (e :: m). split; [split; [now constructor|now constructor]|]. simpl. lra.
Qed.

(** Where every free unit lies on a directed walk from ground to ground, multipliers come from scales iff their sums
    vanish along all paths from ground to ground and along all directed cycles. *)
Theorem from_scales_iff_paths_and_cycles_vanish g L (before after : nat -> list connection) : linear_degree g ->
  (forall i, free g i = true -> exists v w,
     free g v = false /\ free g w = false /\ directed g v (before i) i /\ directed g i (after i) w) ->
  (from_scales g L <-> paths_vanish g L /\ cycles_vanish g L).
Proof.
  intros D H. rewrite (from_scales_iff_walks_vanish g L before after D H). split.
  - intro Z. split; [intros v w l Fv Fw [W _]; now apply (Z v w)|]. intros i l [W _]. destruct (free g i) eqn:F.
    + destruct (H i F) as [v [w [Fv [Fw [B A]]]]].
      pose proof (Z v w _ Fv Fw (directed_app _ _ _ _ _ _ B A)) as S1.
      pose proof (Z v w _ Fv Fw (directed_app _ _ _ _ _ _ B (directed_app _ _ _ _ _ _ W A))) as S2.
      rewrite !sum_app in *. lra.
    + now apply (Z i i).
  - intros [P C] v w l Fv Fw W. destruct (walk_has_path g L C v l w W) as [m [M <-]]. now apply (P v w).
Qed.
