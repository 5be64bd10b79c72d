(** Degree 1, nothing supposed of the graph: multipliers come from scales iff their signed sums vanish along all cycles.
    Manifold.v has this where every unit is joined to one that is not free.

    [base g b i]   where sums along walks to i begin: at a unit b that is not free, where one is joined to i; elsewhere at the
                   first unit b of the part of i. (Walks, [signed] and [from_scales]: Manifold.v; [joined]: CycleGains.v.) *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Existence Manifold Anchored CycleGains.
Import ListNotations.
Open Scope R_scope.

Definition base g b i := joined g b i /\
  (free g b = false \/ ~ linked g i /\ forall j, (j < b)%nat -> ~ joined g j i).

(** The real number that a property singles out *)
Lemma singled_out (P : R -> Prop) : (exists t, P t) -> (forall s t, P s -> P t -> s = t) -> { t : R | P t }.
Proof.
  intros E U. destruct (completeness P) as [m [A B]].
  - destruct E as [t T]. exists t. intros s S. rewrite (U s t S T). lra.
  - exact E.
  - exists m. destruct E as [t T]. replace m with t; [exact T|]. apply Rle_antisym; [now apply A|].
    apply B. intros s S. rewrite (U s t S T). lra.
Qed.

Lemma joined_itself g i : joined g i i.
Proof. exists []. constructor. Qed.

Lemma base_exists g i : exists b, base g b i.
Proof.
  destruct (classic (linked g i)) as [[b [w [F W]]]|N].
  - exists b. split; [now exists w|auto].
  - enough (K : forall n, joined g n i -> exists b, joined g b i /\ forall j, (j < b)%nat -> ~ joined g j i).
    { destruct (K i (joined_itself g i)) as [b [J L]]. exists b. split; auto. }
    induction n as [n IH] using (well_founded_induction lt_wf). intro J.
    destruct (classic (exists m, (m < n)%nat /\ joined g m i)) as [[m [L Jm]]|Least]; [exact (IH m L Jm)|].
    exists n. split; auto. intros m L Jm. apply Least. eauto.
Qed.

Lemma base_along g b i j : joined g i j -> base g b i -> base g b j.
Proof.
  intros J [Jb [F|[N L]]]; split; [now apply (joined_transitive g b i j)|now left|now apply (joined_transitive g b i j)|].
  right. assert (S := joined_symmetric g i j J). split.
  - intros [v [w [Fv W]]]. apply N. destruct S as [u X]. exists v, (w ++ u). split; auto. eapply walk_app; eauto.
  - intros k Lk Jk. apply (L k Lk). now apply (joined_transitive g k j i).
Qed.

Section Cycles.
Variables (g : graph) (L : connection -> R).
Hypotheses (linear : linear_degree g) (vanish : forall i w, walk g i w i -> signed L w = 0).

Lemma signed_app v w : signed L (v ++ w) = signed L v + signed L w.
Proof. apply sum_app. Qed.

(** All walks from a base to i have the same sum. *)
Lemma sum_from_base b c i v w : base g b i -> base g c i -> walk g b v i -> walk g c w i -> signed L v = signed L w.
Proof.
  intros [_ B] [_ C] V W. destruct (walk_back g c w i W L) as [u [U S]].
  assert (Close : exists s, walk g c s b /\ signed L s = 0).
  { destruct B as [Fb|[N Lb]], C as [Fc|[N' Lc]].
    - exists [Jump b]. split; [constructor; auto; constructor|unfold signed; simpl; ring].
    - exfalso. apply N'. exists b, v. auto.
    - exfalso. apply N. exists c, w. auto.
    - exists []. split; [|reflexivity]. replace c with b; [constructor|].
      destruct (Nat.lt_total b c) as [K|[K|K]]; auto; exfalso; [apply (Lc b K)|apply (Lb c K)]; eexists; eauto. }
  destruct Close as [s [X Z]].
  pose proof (vanish b _ (walk_app g _ _ _ _ _ V (walk_app g _ _ _ _ _ U X))) as K.
  rewrite !signed_app, S, Z in K. lra.
Qed.

Let height i t := exists b w, base g b i /\ walk g b w i /\ t = signed L w.

Lemma height_exists i : exists t, height i t.
Proof. destruct (base_exists g i) as [b B]. pose proof B as [[w W] _]. exists (signed L w), b, w. auto. Qed.

Lemma height_unique i s t : height i s -> height i t -> s = t.
Proof. intros [b [v [B [V ->]]]] [c [w [C [W ->]]]]. now apply (sum_from_base b c i). Qed.

Lemma cycles_give_scales : from_scales g L.
Proof.
  set (x := fun i => proj1_sig (singled_out (height i) (height_exists i) (height_unique i))).
  assert (X : forall i, height i (x i)) by (intro i; apply proj2_sig).
  exists x. split.
  - intros i F. apply (height_unique i); [apply X|]. exists i, []. split; [|split; [constructor|reflexivity]].
    split; [apply joined_itself|now left].
  - intros e I. unfold exponent. rewrite linear.
    assert (S : walk g (tail e) [Forward e] (head e)) by (constructor; auto; constructor).
    enough (x (head e) = x (tail e) + L e) by lra. apply (height_unique (head e)); [apply X|].
    destruct (X (tail e)) as [b [w [B [W ->]]]]. exists b, (w ++ [Forward e]). split; [|split].
    + apply (base_along g b (tail e)); auto. now exists [Forward e].
    + eapply walk_app; eauto.
    + rewrite signed_app. unfold signed at 3. simpl. ring.
Qed.
End Cycles.

(** The theorem *)
Theorem from_scales_iff_all_cycles_vanish g L : linear_degree g ->
  (from_scales g L <-> forall i w, walk g i w i -> signed L w = 0).
Proof. intro D. split; [now apply cycles_vanish|now apply cycles_give_scales]. Qed.
