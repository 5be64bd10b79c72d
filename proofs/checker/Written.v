(** What an accepted certificate proves of a network in the form in which `synbal balance --certificate` writes it: units
    held fixed where a part has no ground, and connections left out where no minimum is attained. Merged.v adds tied units and
    connections with the same ends.

    [held id g]     g with the free units whose number is 0 not free: their log-scales are zero.
    [pins id g]     these units are pins: each lies in a part without ground, and no part has two of them. A part is what
                    walks join (CycleGains.v), whichever way connections point; a free unit that no other unit is joined to
                    is a part.
    [costs_bounded c p g x]   for every link the cost penalty |w|^p of the weight rescaled by x lies within the bounds.
    [scales_bounded id c p g x]   from every numbered unit some walk leads to a unit of number 0: a pin or one that is not
                    free; and the ratio of the scales of the two, exp(p x) each, lies within the bounds of the first.
                    At units that are not free the scale is 1.
    [left_out keep g]   no connection that is left out lies on a directed cycle of the grounded graph (Existence.v).
    [part g keep], [lasting g], [lasting_part g]   as in Limit.v: g without the connections that are left out; the connections
                    that lie on such cycles; g without all others, whose minimum is the limit of g. *)
From Coq Require Import ZArith NArith Reals Psatz List Bool Arith Lia Lra Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Existence Attained Manifold Anchored CycleGains Limit Infimum
  Escape Checker Sound.
Import ListNotations.
Open Scope R_scope.

Definition held (id : numbering) g := Graph (connections g) (degree g) (fun i => free g i && negb (N.eqb (id i) 0)).

Definition pins (id : numbering) g := (forall i, free g i = true -> id i = 0%N -> ~ linked g i) /\
  (forall i j, free g i = true -> free g j = true -> id i = 0%N -> id j = 0%N -> joined g i j -> i = j).

Definition costs_bounded c p g x := Forall2 (fun l e =>
  IZR (cost_low l) / IZR (amplitude_one c) <= penalty e * Rpower (Rabs (rescaled_weight g x e)) p
    <= IZR (cost_high l) / IZR (amplitude_one c)) (links c) (connections g).

Definition scales_bounded (id : numbering) c p g (x : point) := forall i n lo hi, free g i = true ->
  id i = N.of_nat (S n) -> nth_error (unit_bounds c) n = Some (lo, hi) ->
  (exists o, id o = 0%N /\ joined g o i) /\
  forall o, id o = 0%N -> joined g o i ->
    IZR lo / IZR (scale_one c) <= exp (p * (x i - x o)) <= IZR hi / IZR (scale_one c).

Definition left_out (keep : connection -> bool) g :=
  forall e, In e (connections g) -> keep e = false -> ~ on_cycle g e.

(** ** Units held fixed *)
Lemma free_held id g i : free (held id g) i = true <-> free g i = true /\ id i <> 0%N.
Proof. simpl. rewrite andb_true_iff, negb_true_iff. now rewrite N.eqb_neq. Qed.

Lemma not_free_held id g i : free (held id g) i = false <-> free g i = false \/ id i = 0%N.
Proof. simpl. rewrite andb_false_iff, negb_false_iff. now rewrite N.eqb_eq. Qed.

Lemma grounded_held id g x : grounded (held id g) x -> grounded g x.
Proof. intros G i F. apply G, not_free_held. auto. Qed.

(** Every rescaling has the same multipliers as one that leaves the pins alone. *)
Lemma held_represents id g x : linear_degree g -> pins id g -> grounded g x ->
  exists y, grounded (held id g) y /\ forall e, In e (connections g) -> exponent g y e = exponent g x e.
Proof.
  intros D [Loose One] G.
  enough (K : forall l, (forall i, In i l -> free g i = true /\ id i = 0%N) -> NoDup l ->
    exists y, grounded g y /\ (forall i, In i l -> y i = 0) /\
    forall e, In e (connections g) -> exponent g y e = exponent g x e).
  { destruct (K (filter (fun i => free g i && N.eqb (id i) 0) (units g))) as [y [Gy [Zy Ey]]].
    - intros i I. apply filter_In in I. destruct I as [_ I]. apply andb_true_iff in I. now rewrite N.eqb_eq in I.
    - apply NoDup_filter, units_nodup.
    - exists (fun i => if in_dec Nat.eq_dec i (units g) then y i else 0). split.
      + intros i F. destruct in_dec as [U|]; [|reflexivity]. apply not_free_held in F.
        destruct (free g i) eqn:Fi; [|now apply Gy]. destruct F as [|F]; [discriminate|].
        apply Zy, filter_In. split; auto. now rewrite Fi, F.
      + intros e I. rewrite <- Ey by auto. unfold exponent.
        pose proof (tail_in_units g e I). pose proof (head_in_units g e I).
        do 2 (destruct in_dec; [|tauto]). reflexivity. }
  induction l as [|k l IH]; intros S ND.
  - exists x. split; auto. split; auto. intros i [].
  - apply NoDup_cons_iff in ND. destruct ND as [Nk ND].
    destruct (IH ltac:(intros i I; apply S; now right) ND) as [y [Gy [Zy Ey]]].
    destruct (S k ltac:(now left)) as [Fk Ik].
    destruct (loose_shift g k) as [h [Gh [Zh [Hk Out]]]]; [apply loose_degree_one; auto|].
    exists (fun i => y i + - y k * h i). split; [|split].
    + intros i F. rewrite Gy, (Gh i) by auto. ring.
    + intros i [<-|I]; [rewrite Hk; ring|]. rewrite Zy by auto. rewrite (Out i); [ring|].
      intro J. apply Nk. destruct (S i ltac:(now right)). now rewrite (One k i).
    + intros e I. rewrite exponent_line, Zh, Ey by auto. ring.
Qed.

(** So a minimum with the pins held is a minimum of the network. *)
Lemma held_minimum id g r x : linear_degree g -> pins id g -> minimum (held id g) r x -> minimum g r x.
Proof.
  intros D P [G M]. split; [now apply grounded_held in G|]. intros y Gy.
  destruct (held_represents id g y D P Gy) as [z [Gz Ez]]. apply Rle_trans with (total g r z); [now apply M|].
  right. apply sum_ext. intros e I. now rewrite Ez.
Qed.

Lemma signed_ext g i w j L L' : walk g i w j -> (forall e, In e (connections g) -> L e = L' e) -> signed L w = signed L' w.
Proof. intros W E. induction W; unfold signed in *; simpl; rewrite ?IHW, ?E by auto; reflexivity. Qed.

(** A walk in the network with pins held may jump between them; from its last jump on it is one of the network. *)
Lemma walk_held id g v w i : (forall j, free g j = false -> id j = 0%N) -> walk (held id g) v w i ->
  joined g v i \/ exists o, id o = 0%N /\ joined g o i.
Proof.
  intros Z W.
  assert (step : forall e, In e (connections g) -> joined g (tail e) (head e)).
  { intros e I. exists [Forward e]. constructor; auto. constructor. }
  induction W as [i|e w k I W IH|e w k I W IH|i j w k F F' W IH].
  - left. exists []. constructor.
  - destruct IH as [J|J]; [left|now right]. eapply joined_transitive; [|exact J]. now apply step.
  - destruct IH as [J|J]; [left|now right]. eapply joined_transitive; [|exact J]. now apply joined_symmetric, step.
  - destruct IH as [J|J]; [|now right]. right. exists j. split; auto. apply not_free_held in F'. destruct F'; auto.
Qed.

(** If the checker accepts a certificate in which the units of number 0 are those that are not free and pins, then the
    minimum of the network is attained, and all its minima, pins held or not, have costs and ratios of scales within the
    certificate's bounds. *)
Theorem checked_pinned (c : certificate) (id : numbering) (p : posreal) (g : graph) :
  check c = true -> linear_degree g -> pins id g -> describes id c p (held id g) ->
  (exists x, minimum g (power p) x) /\
  forall y, minimum g (power p) y -> costs_bounded c p g y /\ scales_bounded id c p g y.
Proof.
  intros K D P S. destruct (checked c id p (held id g) K S D) as [x [M [U [B C]]]].
  pose proof (held_minimum id g (power p) x D P M) as Mg. split; [eauto|]. intros y My.
  assert (Ground : forall j, free g j = false -> id j = 0%N).
  { intros j F. apply (ground_is_zero _ _ _ _ S). apply not_free_held. auto. }
  assert (E : forall e, In e (connections g) -> exponent g y e = exponent g x e).
  { intros e I. now apply (exponents_unique g (power p)). }
  split.
  - assert (All : forall ls es, incl es (connections g) -> Forall2 (fun l e =>
      IZR (cost_low l) / IZR (amplitude_one c) <= penalty e * Rpower (Rabs (rescaled_weight g x e)) p
        <= IZR (cost_high l) / IZR (amplitude_one c)) ls es -> Forall2 (fun l e =>
      IZR (cost_low l) / IZR (amplitude_one c) <= penalty e * Rpower (Rabs (rescaled_weight g y e)) p
        <= IZR (cost_high l) / IZR (amplitude_one c)) ls es).
    { intros ls es I F. induction F as [|l e ls es H F IH]; constructor.
      - unfold rescaled_weight in *. rewrite E; [exact H|]. apply I. now left.
      - apply IH. intros a Ia. apply I. now right. }
    apply All; [apply incl_refl|exact C].
  - intros i n lo hi F I H.
    assert (N : id i <> 0%N) by (rewrite I; discriminate).
    assert (Fh : free (held id g) i = true) by (apply free_held; auto).
    specialize (B i n lo hi Fh I H). split.
    + destruct (proj1 (log_scales_unique_iff_linked (held id g) (power p) x D M) U i Fh) as [v [w [Fv W]]].
      destruct (walk_held id g v w i Ground W) as [J|J]; [|exact J].
      exists v. split; auto. apply not_free_held in Fv. destruct Fv; auto.
    + intros o Io [w W].
      assert (Q : y i - y o = x i - x o).
      { rewrite <- (signed_sum_of_exponents g y o w i D (proj1 My) W),
          <- (signed_sum_of_exponents g x o w i D (proj1 Mg) W). now apply (signed_ext g o w i). }
      rewrite Q. rewrite (proj1 M o) by (apply not_free_held; auto). now rewrite Rminus_0_r.
Qed.

(** ** Connections left out *)
Lemma reach_part g keep i j : reach (part g keep) i j -> reach g i j.
Proof.
  induction 1 as [|i j k [[e [I [<- <-]]]|G] R IH]; [constructor| |].
  - eapply reach_next; [left|exact IH]. exists e. simpl in I. apply filter_In in I. tauto.
  - eapply reach_next; [right; exact G|exact IH].
Qed.

(** Directions along which connections escape (Escape.v), as the program finds them, leave out no others. *)
Lemma escape_leaves_out g keep h : linear_degree g -> escape g keep h -> left_out keep g.
Proof.
  intros D [G H] e I K C.
  assert (down : forall i j, reach g i j -> h j <= h i).
  { induction 1 as [|i j k [[e' [I' [<- <-]]]|[F F']] R IH]; [lra| |].
    - specialize (H e' I'). unfold exponent in H. rewrite D in H. destruct (keep e'); lra.
    - rewrite (G i), <- (G j) by auto. exact IH. }
  specialize (H e I). rewrite K in H. unfold exponent in H. rewrite D in H. pose proof (down _ _ C). lra.
Qed.

(** If the checker accepts a certificate that leaves out connections, none of which lies on a directed cycle, then it leaves
    out exactly those that escape, so what it describes is the network whose minimum is the limit. The bounds are those of
    the weights of the limit: no rescaling of the network costs less, rescalings come as near to it as one likes, and in
    these the weights that are not left out are those of the limit. *)
Theorem checked_limit (c : certificate) (id : numbering) (p : posreal) (g : graph) keep :
  check c = true -> linear_degree g -> left_out keep g -> pins id (part g keep) -> describes id c p (held id (part g keep)) ->
  part g keep = lasting_part g /\
  (exists x, minimum (part g keep) (power p) x) /\
  forall y, minimum (part g keep) (power p) y ->
    costs_bounded c p (part g keep) y /\ scales_bounded id c p (part g keep) y /\
    (forall z, grounded g z -> total (part g keep) (power p) y <= total g (power p) z) /\
    forall eps, 0 < eps -> exists z, grounded g z /\ total g (power p) z < total (part g keep) (power p) y + eps /\
      forall e, In e (connections (part g keep)) -> rescaled_weight g z e = rescaled_weight (part g keep) y e.
Proof.
  intros K D Out P S. destruct (checked_pinned c id p (part g keep) K D P S) as [[x M] B].
  assert (Same : part g keep = lasting_part g).
  { unfold lasting_part, part. f_equal. apply filter_ext_in. intros e I. destruct (keep e) eqn:Ke.
    - symmetry. apply (proj2 (decide_spec _)). apply (reach_part g keep).
      apply (proj1 (attained_iff_on_cycles p (part g keep) D) (ex_intro _ x M)). simpl. apply filter_In. auto.
    - destruct (lasting g e) eqn:Le; auto. apply (proj1 (decide_spec _)) in Le. now apply Out in Le. }
  split; [exact Same|]. split; [eauto|]. intros y My. destruct (B y My) as [Bc Bs]. split; auto. split; auto.
  rewrite Same in *. split.
  - intros z G. destruct (limit_keeps_the_function p g D) as [x' [M' [L _]]].
    apply Rle_trans with (total (lasting_part g) (power p) x'); [apply My, M'|now apply L].
  - intros eps E. destruct (limit_is_approached p g y eps D (proj1 My) E) as [z [G [T W]]].
    exists z. split; auto. split; auto. intros e I. simpl in I. apply filter_In in I. now apply W.
Qed.
