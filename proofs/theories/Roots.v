(** One unit held fixed in every part that can shift as a whole: the log-scales become unique, no multiplier and no minimum
    is lost. Any degree; the last theorem is for L_p, degree 1.

    [roots_of g roots]     the list holds one unit of every loose part (CycleGains.v) and no other: for degree 1, one of
                           every part without ground.
    [fixed_at g roots]     g with these units not free: their log-scales are zero. *)
From Coq Require Import Reals Psatz List Arith Bool Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Existence Attained Manifold Anchored CycleGains.
Import ListNotations.
Open Scope R_scope.

Definition roots_of g (roots : list nat) := NoDup roots /\ (forall i, In i roots -> loose g i) /\
  (forall i, loose g i -> exists j, In j roots /\ joined g j i) /\
  (forall i j, In i roots -> In j roots -> joined g i j -> i = j).

Definition fixed_at g roots :=
  Graph (connections g) (degree g) (fun i => free g i && negb (existsb (Nat.eqb i) roots)).

Lemma free_fixed_at g roots i : free (fixed_at g roots) i = true <-> free g i = true /\ ~ In i roots.
Proof.
  simpl. rewrite andb_true_iff, negb_true_iff. split; intros [F N]; split; auto.
  - intro I. assert (E : existsb (Nat.eqb i) roots = true); [|congruence].
    apply existsb_exists. exists i. split; auto. apply Nat.eqb_refl.
  - destruct (existsb (Nat.eqb i) roots) eqn:E; auto. exfalso. apply existsb_exists in E. destruct E as [j [I Q]].
    apply Nat.eqb_eq in Q. congruence.
Qed.

Lemma grounded_fixed_at g roots x : grounded (fixed_at g roots) x <-> grounded g x /\ forall i, In i roots -> x i = 0.
Proof.
  split.
  - intro G. split.
    + intros i F. apply G. simpl. now rewrite F.
    + intros i I. destruct (free (fixed_at g roots) i) eqn:E; [|now apply G]. apply free_fixed_at in E. tauto.
  - intros [G Z] i F. destruct (in_dec Nat.eq_dec i roots) as [I|N]; [now apply Z|].
    apply G. destruct (free g i) eqn:E; auto. exfalso.
    assert (K : free (fixed_at g roots) i = true) by now apply free_fixed_at. congruence.
Qed.

(** Such a list exists: one goes through the free units. *)
Theorem roots_exist g us : (forall i, free g i = true -> In i us) -> exists roots, roots_of g roots.
Proof.
  intro H.
  assert (K : forall l, exists roots, NoDup roots /\ (forall i, In i roots -> loose g i) /\
    (forall i, In i l -> loose g i -> exists j, In j roots /\ joined g j i) /\
    (forall i j, In i roots -> In j roots -> joined g i j -> i = j)).
  { induction l as [|k l [roots [ND [L [C U]]]]].
    - exists []. split; [constructor|]. split; [intros i []|]. split; [intros i []|intros i j []].
    - destruct (classic (loose g k /\ ~ exists j, In j roots /\ joined g j k)) as [[Lk Nk]|N].
      + exists (k :: roots). split; [|split; [|split]].
        * constructor; auto. intro I. apply Nk. exists k. split; auto. exists []. constructor.
        * intros i [<-|I]; auto.
        * intros i [<-|I] Li; [exists k; split; [now left|exists []; constructor]|].
          destruct (C i I Li) as [j [J X]]. exists j. split; [now right|auto].
        * intros i j [<-|I] [<-|J] X; auto; exfalso; apply Nk.
          -- exists j. split; auto. now apply joined_symmetric.
          -- exists i. auto.
      + exists roots. split; auto. split; auto. split; auto. intros i [<-|I] Li; auto.
        apply NNPP. intro Q. apply N. auto. }
  destruct (K us) as [roots [ND [L [C U]]]]. exists roots. split; auto. split; auto. split; auto.
  intros i Li. apply C; auto. apply H, Li.
Qed.

Section Roots.
Variables (g : graph) (roots : list nat).
Hypothesis is_roots : roots_of g roots.

Lemma walk_fixed_at i w j : walk g i w j -> walk (fixed_at g roots) i w j.
Proof. induction 1; constructor; auto; simpl; now rewrite ?H, ?H0. Qed.

Lemma gain_fixed_at w : gain (fixed_at g roots) w = gain g w.
Proof. induction w as [|[e|e|j] w IH]; simpl; rewrite ?IH; auto. Qed.

(** The log-scales become unique ... *)
Theorem fixed_at_anchored : anchored (fixed_at g roots).
Proof.
  apply anchored_iff_cycles. intros i F. apply free_fixed_at in F. destruct F as [F _].
  destruct (classic (loose g i)) as [L|N].
  - left. destruct (proj1 (proj2 (proj2 is_roots)) i L) as [j [J [w W]]]. exists j, w. split.
    + destruct (free (fixed_at g roots) j) eqn:E; auto. apply free_fixed_at in E. tauto.
    + now apply walk_fixed_at.
  - destruct (classic (linked g i)) as [[v [w [Fv W]]]|Nl].
    + left. exists v, w. split; [simpl; now rewrite Fv|now apply walk_fixed_at].
    + right. apply NNPP. intro K. apply N. split; auto. split; auto. intros w W. apply NNPP. intro Q. apply K.
      exists w. rewrite gain_fixed_at. split; auto. now apply walk_fixed_at.
Qed.

(** ... and every rescaling has the same multipliers as one that leaves the roots alone. *)
Theorem fixed_at_represents x : grounded g x -> exists y, grounded (fixed_at g roots) y /\
  forall e, In e (connections g) -> exponent g y e = exponent g x e.
Proof.
  intro G. enough (K : forall l, incl l roots -> NoDup l -> exists y, grounded g y /\ (forall i, In i l -> y i = 0) /\
    forall e, In e (connections g) -> exponent g y e = exponent g x e).
  { destruct (K roots (incl_refl _) (proj1 is_roots)) as [y [Gy [Zy Ey]]]. exists y. split; auto.
    now apply grounded_fixed_at. }
  induction l as [|k l IH]; intros S ND.
  - exists x. split; auto. split; auto. intros i [].
  - apply NoDup_cons_iff in ND. destruct ND as [Nk ND].
    destruct (IH ltac:(intros i I; apply S; now right) ND) as [y [Gy [Zy Ey]]].
    assert (Ik : In k roots) by (apply S; now left).
    destruct (loose_shift g k (proj1 (proj2 is_roots) k Ik)) as [h [Gh [Zh [One Out]]]].
    exists (fun i => y i + - y k * h i). split; [|split].
    + intros i F. rewrite Gy, (Gh i) by auto. ring.
    + intros i [<-|I]; [rewrite One; ring|]. rewrite Zy by auto. rewrite (Out i); [ring|].
      intro J. apply Nk. assert (k = i) as ->; auto. apply (proj2 (proj2 (proj2 is_roots))); auto. apply S. now right.
    + intros e I. rewrite exponent_line, Zh, Ey by auto. ring.
Qed.

(** So multipliers come from scales iff they come from scales that leave the roots alone, and these are unique. *)
Theorem scales_are_coordinates L :
  (from_scales g L <-> from_scales (fixed_at g roots) L) /\
  forall x y, grounded (fixed_at g roots) x -> grounded (fixed_at g roots) y ->
    (forall e, In e (connections g) -> exponent g x e = exponent g y e) -> forall i, x i = y i.
Proof.
  split.
  - split; intros [x [G E]].
    + destruct (fixed_at_represents x G) as [y [Gy Ey]]. exists y. split; auto. intros e I.
      rewrite E by auto. symmetry. now apply Ey.
    + exists x. split; [now apply grounded_fixed_at in G|exact E].
  - intros x y Gx Gy E i. apply Rminus_diag_uniq. apply (fixed_at_anchored (fun i => x i - y i)).
    + intros j F. rewrite Gx, Gy by auto. ring.
    + intros e I. change (exponent (fixed_at g roots)) with (exponent g). rewrite exponent_minus, E by auto. ring.
Qed.

(** Pinning loses no minimum: a minimum with the roots fixed is a minimum of the network, it exists if the network has
    one, and it is unique. *)
Theorem fixed_at_minimum r : (forall x, minimum (fixed_at g roots) r x -> minimum g r x) /\
  ((exists x, minimum g r x) -> exists x, minimum (fixed_at g roots) r x) /\
  forall x y, minimum (fixed_at g roots) r x -> minimum (fixed_at g roots) r y -> forall i, y i = x i.
Proof.
  assert (Same : forall x y, (forall e, In e (connections g) -> exponent g y e = exponent g x e) -> total g r y = total g r x).
  { intros x y E. apply sum_ext. intros e I. now rewrite E. }
  split; [|split].
  - intros x [G M]. split; [now apply grounded_fixed_at in G|]. intros y Gy.
    destruct (fixed_at_represents y Gy) as [z [Gz Ez]]. rewrite <- (Same y z Ez). now apply M.
  - intros [x [G M]]. destruct (fixed_at_represents x G) as [y [Gy Ey]]. exists y. split; auto. intros z Gz.
    change (total g r y <= total g r z). rewrite (Same x y Ey). apply M. now apply grounded_fixed_at in Gz.
  - intros x y Mx My. apply (proj2 (log_scales_unique_iff_anchored (fixed_at g roots) r x Mx) fixed_at_anchored y My).
Qed.

(** Existence, pinned version. L_p, degree 1: with one unit fixed in every part without ground, there is exactly one
    minimizing point iff every connection lies on a directed cycle of the grounded graph. *)
Theorem pinned_minimum_iff_on_cycles p : linear_degree g ->
  ((exists x, minimum (fixed_at g roots) (power p) x /\ forall y, minimum (fixed_at g roots) (power p) y -> forall i, y i = x i)
   <-> forall e, In e (connections g) -> on_cycle g e).
Proof.
  intro D. rewrite <- (attained_iff_on_cycles p g D). destruct (fixed_at_minimum (power p)) as [A [B C]]. split.
  - intros [x [M _]]. exists x. auto.
  - intro E. destruct (B E) as [x M]. exists x. split; auto.
Qed.
End Roots.
