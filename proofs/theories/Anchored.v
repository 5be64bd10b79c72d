(** Degree 1: a graph is anchored iff every free unit is linked to the ground by connections, whichever way they point.

    [linked g i]   some walk (Manifold.v: connections forwards or backwards) leads from a unit that is not free to i. *)
From Coq Require Import Reals Psatz List Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Existence Manifold.
Open Scope R_scope.

Definition linked g i := exists v w, free g v = false /\ walk g v w i.

Lemma linked_along g e : In e (connections g) -> (linked g (tail e) <-> linked g (head e)).
Proof.
  intro I. split; intros [v [w [F W]]]; exists v.
  - exists (w ++ (Forward e :: nil))%list. split; auto. eapply walk_app; [exact W|]. constructor; auto. constructor.
  - exists (w ++ (Backward e :: nil))%list. split; auto. eapply walk_app; [exact W|]. constructor; auto. constructor.
Qed.

Theorem anchored_iff_linked g : linear_degree g -> (anchored g <-> forall i, free g i = true -> linked g i).
Proof.
  intro D. split.
  - intros A i F. apply NNPP. intro N.
    assert (K := A (fun j => number (~ linked g j))).
    assert (Q : number (~ linked g i) = 0).
    { apply K.
      - intros j Fj. destruct (number_spec (~ linked g j)) as [[_ Y]|[-> _]]; auto. exfalso. apply Y. intro Z. apply Z.
        exists j, nil. split; auto. constructor.
      - intros e I. unfold exponent. rewrite D. pose proof (linked_along g e I).
        destruct (number_spec (~ linked g (head e))) as [[-> Y]|[-> Y]];
        destruct (number_spec (~ linked g (tail e))) as [[-> W]|[-> W]]; try ring; exfalso; tauto. }
    destruct (number_spec (~ linked g i)) as [[Q' _]|[_ Y]]; [lra|tauto].
  - intros H h G Z i. destruct (free g i) eqn:F; [|auto]. destruct (H i F) as [v [w [Fv W]]].
    pose proof (signed_sum_of_exponents g h v w i D G W) as S. rewrite (G v Fv) in S.
    assert (E : signed (exponent g h) w = 0).
    { clear - W Z. induction W; unfold signed in *; simpl; auto; rewrite ?IHW, ?Z by auto; ring. }
    lra.
Qed.

Corollary log_scales_unique_iff_linked g r x : linear_degree g -> minimum g r x ->
  ((forall y, minimum g r y -> forall i, y i = x i) <-> forall i, free g i = true -> linked g i).
Proof.
  intros D M. rewrite <- anchored_iff_linked by auto. now apply log_scales_unique_iff_anchored.
Qed.
