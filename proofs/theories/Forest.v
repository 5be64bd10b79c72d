(** Coordinates of the manifold: the multipliers of a spanning forest can be chosen freely and determine all others.

    [forest g T]     the connections of T form a forest of the grounded graph: they can be put down one by one such that
                     each brings in a free unit that none before it touches.
    [spans g T]      T is a part of the network, and walks along T (backwards too, and through the ground) join the ends of
                     every connection of g. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Manifold.
Import ListNotations.
Open Scope R_scope.

Definition touches e i := tail e = i \/ head e = i.

Inductive forest g : list connection -> Prop :=
  | forest_empty : forest g []
  | forest_leaf e T i : forest g T -> tail e <> head e -> touches e i -> free g i = true ->
      (forall e', In e' T -> ~ touches e' i) -> forest g (e :: T).

Definition only g T := Graph T (degree g) (free g).
Definition spans g T := incl T (connections g) /\
  forall e, In e (connections g) -> exists w, walk (only g T) (tail e) w (head e).

(** On a forest any multipliers come from scales, any degree ... *)
Theorem forest_multipliers_are_free g T (L : connection -> R) : forest g T ->
  exists x, grounded g x /\ forall e, In e T -> exponent g x e = L e.
Proof.
  induction 1 as [|e T i W [x [G E]] N I F O].
  - exists (fun _ => 0). split; [intros i _; reflexivity|intros e []].
  - assert (K : forall t e', In e' T -> exponent g (set x i t) e' = L e').
    { intros t e' I'. rewrite <- E by auto. unfold exponent.
      rewrite !set_other; auto; intro Q; apply (O e' I'); unfold touches; auto. }
    pose proof (cond_pos (degree g (tail e))) as P. destruct I as [<-|<-].
    + exists (set x (tail e) ((x (head e) - L e) / degree g (tail e))). split.
      * intros j Fj. rewrite set_other by congruence. auto.
      * intros e' [<-|I']; [|auto]. unfold exponent. rewrite set_same, set_other by auto. field. lra.
    + exists (set x (head e) (L e + degree g (tail e) * x (tail e))). split.
      * intros j Fj. rewrite set_other by congruence. auto.
      * intros e' [<-|I']; [|auto]. unfold exponent. rewrite set_same, set_other by auto. ring.
Qed.

(** ... and on a spanning part they determine all others, degree 1: that of any connection is the signed sum along a walk
    through the part between its ends. *)
Theorem spanning_part_determines g T L e w : linear_degree g -> incl T (connections g) -> from_scales g L ->
  In e (connections g) -> walk (only g T) (tail e) w (head e) -> L e = signed L w.
Proof.
  intros D S [x [G E]] I W. rewrite E by auto.
  assert (K : forall i v j, walk (only g T) i v j -> signed L v = signed (exponent g x) v).
  { clear w W. induction 1; unfold signed in *; simpl; auto; rewrite ?IHwalk, ?E by (apply S; auto); ring. }
  rewrite (K _ _ _ W). change (exponent g x) with (exponent (only g T) x).
  rewrite (signed_sum_of_exponents (only g T) x _ w _ D G W). unfold exponent. simpl. rewrite D. ring.
Qed.

(** A spanning forest: every choice of its multipliers extends to exactly one rescaling of all connections. *)
Corollary forest_coordinates g T (L : connection -> R) : linear_degree g -> forest g T -> spans g T ->
  exists M, from_scales g M /\ (forall e, In e T -> M e = L e) /\
  forall M', from_scales g M' -> (forall e, In e T -> M' e = L e) -> forall e, In e (connections g) -> M' e = M e.
Proof.
  intros D Fo [S W]. destruct (forest_multipliers_are_free g T L Fo) as [x [G E]].
  assert (M : from_scales g (exponent g x)) by (exists x; auto).
  exists (exponent g x). split; auto. split; auto. intros M' Fs E' e I. destruct (W e I) as [w Ww].
  rewrite (spanning_part_determines g T M' e w D S Fs I Ww), (spanning_part_determines g T _ e w D S M I Ww).
  clear I. induction Ww; unfold signed in *; simpl in *; auto; rewrite ?IHWw, ?E', ?E by auto; ring.
Qed.
