(** The manifold, degree 1: where every free unit lies on a directed walk from the ground to the ground, multipliers come
    from scales iff their sums vanish along all such walks.

    [directed g i l j]   the connections of the list l, each taken forwards, lead from unit i to unit j. A walk may pass
                         through a unit more than once: it is a path with directed cycles attached. *)
From Coq Require Import Reals Psatz List.
From synbal Require Import Sums Graph Manifold.
Import ListNotations.
Open Scope R_scope.

Inductive directed g : nat -> list connection -> nat -> Prop :=
  | directed_here i : directed g i [] i
  | directed_next e l k : In e (connections g) -> directed g (head e) l k -> directed g (tail e) (e :: l) k.

Definition walks_vanish g L := forall v w l, free g v = false -> free g w = false -> directed g v l w -> sum L l = 0.

Lemma directed_app g i l j m k : directed g i l j -> directed g j m k -> directed g i (l ++ m) k.
Proof. induction 1; simpl; intros; auto. constructor; auto. Qed.

Lemma directed_sum g L x i l j : linear_degree g -> (forall e, In e (connections g) -> L e = exponent g x e) ->
  directed g i l j -> sum L l = x j - x i.
Proof.
  intros D E W. induction W as [i|e l k I W IH]; simpl; [ring|]. rewrite IH, E by auto. unfold exponent. rewrite D. ring.
Qed.

Theorem from_scales_iff_walks_vanish g L (before after : nat -> list connection) : linear_degree g ->
  (forall i, free g i = true -> exists v w,
     free g v = false /\ free g w = false /\ directed g v (before i) i /\ directed g i (after i) w) ->
  (from_scales g L <-> walks_vanish g L).
Proof.
  intros D H. split.
  - intros [x [G E]] v w l Fv Fw W. rewrite (directed_sum g L x v l w D E W), (G v), (G w) by auto. ring.
  - intro Z.
    assert (K : forall i, exists v w b a, free g v = false /\ free g w = false /\ directed g v b i /\ directed g i a w /\
      b = if free g i then before i else []).
    { intro i. destruct (free g i) eqn:F.
      - destruct (H i F) as [v [w [Fv [Fw [B A]]]]]. exists v, w, (before i), (after i). auto.
      - exists i, i, [], []. repeat split; auto; constructor. }
    exists (fun i => sum L (if free g i then before i else [])). split.
    + intros i F. now rewrite F.
    + intros e I. unfold exponent. rewrite D.
      destruct (K (tail e)) as [v [w [b [a [Fv [Fw [B [A Eb]]]]]]]].
      destruct (K (head e)) as [v' [w' [b' [a' [Fv' [Fw' [B' [A' Eb']]]]]]]].
      rewrite <- Eb, <- Eb'.
      assert (S1 := Z v' w' (b' ++ a') Fv' Fw' (directed_app _ _ _ _ _ _ B' A')).
      assert (N : directed g (tail e) [e] (head e)) by (constructor; auto; constructor).
      assert (S2 := Z v w' (b ++ [e] ++ a') Fv Fw' (directed_app _ _ _ _ _ _ B (directed_app _ _ _ _ _ _ N A'))).
      rewrite !sum_app in *. simpl in S2. lra.
Qed.
