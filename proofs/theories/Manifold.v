(** The manifold of log-scales, degree 1: multipliers come from scales iff their signed sums vanish along all cycles.

    Part one: the grounded graph. [walk g i w j]: w is a list of steps that leads from unit i to unit j; a step is a
    connection taken forwards ([Forward]) or backwards ([Backward]), or a [Jump] between two units that are not free
    (which are merged into one ground node). [signed L w]: the sum of the log-multipliers L along the walk, backward
    steps counted negatively, jumps not at all. A cycle is a walk from a unit to itself.
    [from_scales g L]: L are the exponents of some grounded point.

    Part two: the counterexample to the remark that one representative path through every unit is enough. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph.
Import ListNotations.
Open Scope R_scope.

Inductive move := Forward (e : connection) | Backward (e : connection) | Jump (j : nat).

Inductive walk g : nat -> list move -> nat -> Prop :=
  | walk_here i : walk g i [] i
  | walk_forward e w k : In e (connections g) -> walk g (head e) w k -> walk g (tail e) (Forward e :: w) k
  | walk_backward e w k : In e (connections g) -> walk g (tail e) w k -> walk g (head e) (Backward e :: w) k
  | walk_jump i j w k : free g i = false -> free g j = false -> walk g j w k -> walk g i (Jump j :: w) k.

Definition signed (L : connection -> R) := sum (fun m => match m with
  Forward e => L e | Backward e => - L e | Jump _ => 0 end).

Definition from_scales g (L : connection -> R) :=
  exists x, grounded g x /\ forall e, In e (connections g) -> L e = exponent g x e.

Lemma walk_app g i v j w k : walk g i v j -> walk g j w k -> walk g i (v ++ w) k.
Proof. induction 1; simpl; intros; auto; constructor; auto. Qed.

Definition turn_back (i : nat) m := match m with Forward e => Backward e | Backward e => Forward e | Jump _ => Jump i end.

Lemma walk_back g i w j : walk g i w j -> forall L, exists v, walk g j v i /\ signed L v = - signed L w.
Proof.
  induction 1 as [i|e w k I W IH|e w k I W IH|i j w k F F' W IH]; intro L.
  - exists []. split; [apply walk_here|unfold signed; simpl; ring].
  - destruct (IH L) as [v [V S]]. exists (v ++ [Backward e]). split.
    + eapply walk_app; [exact V|]. constructor; auto. constructor.
    + unfold signed in *. rewrite sum_app, S. simpl. ring.
  - destruct (IH L) as [v [V S]]. exists (v ++ [Forward e]). split.
    + eapply walk_app; [exact V|]. constructor; auto. constructor.
    + unfold signed in *. rewrite sum_app, S. simpl. ring.
  - destruct (IH L) as [v [V S]]. exists (v ++ [Jump i]). split.
    + eapply walk_app; [exact V|]. constructor; auto. constructor.
    + unfold signed in *. rewrite sum_app, S. simpl. ring.
Qed.

(** Along a walk the exponents of a point sum to the difference of its log-scales at the ends. *)
Theorem signed_sum_of_exponents g x i w j : linear_degree g -> grounded g x -> walk g i w j ->
  signed (exponent g x) w = x j - x i.
Proof.
  intros D G. induction 1 as [i|e w k I W IH|e w k I W IH|i j w k F F' W IH]; unfold signed in *; simpl.
  - ring.
  - rewrite IH. unfold exponent. rewrite D. ring.
  - rewrite IH. unfold exponent. rewrite D. ring.
  - rewrite IH, (G i), (G j) by auto. ring.
Qed.

(** Cycles: scales give multipliers whose signed sums vanish along every cycle ... *)
Lemma cycles_vanish g L : linear_degree g -> from_scales g L ->
  forall i w, walk g i w i -> signed L w = 0.
Proof.
  intros D [x [G E]] i w W. replace 0 with (x i - x i) by ring. rewrite <- (signed_sum_of_exponents g x i w i D G W).
  assert (Q : forall i w j, walk g i w j -> signed L w = signed (exponent g x) w).
  { clear i w W. induction 1; unfold signed in *; simpl; auto; [rewrite E, IHwalk|rewrite E, IHwalk|rewrite IHwalk]; auto. }
  eapply Q; eauto.
Qed.

(** ... and conversely, where a function [path] gives a walk from the ground node [o] to every unit. *)
Lemma cycles_suffice g L o (path : nat -> list move) : linear_degree g -> free g o = false ->
  (forall i, walk g o (path i) i) -> (forall i w, walk g i w i -> signed L w = 0) -> from_scales g L.
Proof.
  intros D F P Z. exists (fun i => signed L (path i)).
  assert (same : forall i w j, walk g i w j -> signed L (path j) - signed L (path i) = signed L w).
  { intros i w j W. destruct (walk_back g o (path j) j (P j) L) as [v [V S]].
    pose proof (Z o _ (walk_app g _ _ _ _ _ (P i) (walk_app g _ _ _ _ _ W V))) as K.
    unfold signed in *. rewrite !sum_app, S in K. lra. }
  split.
  - intros i Fi. replace (signed L (path i)) with (signed L (path i) - signed L (path o)).
    + rewrite (same o [Jump i] i); [unfold signed; simpl; ring|]. constructor; auto. constructor.
    + rewrite (Z o (path o) (P o)). ring.
  - intros e I. unfold exponent. rewrite D.
    pose proof (same (tail e) [Forward e] (head e) ltac:(constructor; auto; constructor)) as K.
    unfold signed in *. simpl in K. lra.
Qed.

Theorem from_scales_iff_cycles_vanish g L o (path : nat -> list move) : linear_degree g -> free g o = false ->
  (forall i, walk g o (path i) i) ->
  (from_scales g L <-> forall i w, walk g i w i -> signed L w = 0).
Proof. intros D F P. split; [now apply cycles_vanish|]. now apply (cycles_suffice g L o path). Qed.

(** ** One unit between two inputs and two outputs: 0 and 1 feed 2, which feeds 3 and 4. The paths 0-2-3 and 1-2-4 pass
    through every unit and their sums vanish, yet the multipliers come from no scales: the path 0-2-4 is violated. *)
Lemma one_nonzero : 1 <> 0. Proof. lra. Qed.
Definition plain i j := Connection i j 1 one_nonzero (mkposreal 1 Rlt_0_1) false.
Definition crossing := Graph [plain 0 2; plain 1 2; plain 2 3; plain 2 4] (fun _ => mkposreal 1 Rlt_0_1) (Nat.eqb 2).
Definition crossing_multipliers (e : connection) : R :=
  match tail e, head e with 0%nat, _ => 1 | 1%nat, _ => 2 | _, 3%nat => -1 | _, _ => -2 end.

Theorem one_path_through_every_unit_is_not_enough :
  crossing_multipliers (plain 0 2) + crossing_multipliers (plain 2 3) = 0 /\
  crossing_multipliers (plain 1 2) + crossing_multipliers (plain 2 4) = 0 /\
  crossing_multipliers (plain 0 2) + crossing_multipliers (plain 2 4) <> 0 /\
  ~ from_scales crossing crossing_multipliers.
Proof.
  unfold crossing_multipliers. simpl. repeat split; try lra.
  intros [x [G E]]. pose proof (E (plain 0 2) ltac:(simpl; auto)) as A. pose proof (E (plain 1 2) ltac:(simpl; auto)) as B.
  unfold exponent in *. simpl in *.
  rewrite (G 0%nat) in A by reflexivity. rewrite (G 1%nat) in B by reflexivity. lra.
Qed.
