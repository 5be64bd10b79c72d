(** Tied units and connections with the same ends, as `synbal balance --certificate` writes them: units that share one
    log-scale share one number, and connections with the same ends are one link, whose cost is the sum of theirs; a connection
    between two units of one number, whose cost no rescaling changes, is written as one of the ground. Degree 1, L_p.

    [group]            a connection and others, written as one link; [members q] all of them.
    [class]            gives every unit of the network the unit that stands for it and for all that are tied to it; 0 for
                       the units that are not free.
    [ends class e]     the classes of tail and head of e, or 0 and 0 where these are equal.
    [joint p class q]  the connection between the ends of q whose weight is 1 and whose cost is the sum of the costs of the
                       members.
    [merged p class groups]   the network of these; all its units but 0 are free.
    [merges class groups g]   the units of class 0 are those that are not free; the members of a group have the same ends;
                       and the groups hold every connection of g once.
    [tied class x]     units of one class have the same log-scale.
    [tied_minimum class g r x]   no grounded tied point has a lower total cost than the grounded tied point x.
    [spread class z]   the point of g that gives every unit the log-scale z of its class.
    [share p q e]      the part of connection e in the cost of the group q: the same at all tied points. *)
From Coq Require Import ZArith NArith Reals Psatz List Bool Arith Lia Lra Permutation.
From synbal Require Import Sums Graph Regularizer Convexity Existence Limit Checker Sound Written.
Import ListNotations.
Open Scope R_scope.

Definition group := (connection * list connection)%type.
Definition members (q : group) := fst q :: snd q.
Definition share p q e := amplitude p e / sum (amplitude p) (members q).

Lemma members_positive p q : 0 < sum (amplitude p) (members q).
Proof. apply sum_pos; [intros; left; apply amplitude_pos|]. exists (fst q). split; [now left|apply amplitude_pos]. Qed.

Lemma one_is_nonzero : 1 <> 0. Proof. lra. Qed.
Definition ends (class : nat -> nat) e :=
  if Nat.eqb (class (tail e)) (class (head e)) then (0, 0)%nat else (class (tail e), class (head e)).
Definition joint p (class : nat -> nat) (q : group) :=
  Connection (fst (ends class (fst q))) (snd (ends class (fst q))) 1 one_is_nonzero
    (mkposreal (sum (amplitude p) (members q)) (members_positive p q)) false.
Definition merged p class groups :=
  Graph (map (joint p class) groups) (fun _ => mkposreal 1 Rlt_0_1) (fun n => negb (Nat.eqb n 0)).

Record merges (class : nat -> nat) (groups : list group) g : Prop := {
  class_zero : forall i, free g i = false <-> class i = 0%nat;
  same_ends : forall q e, In q groups -> In e (members q) -> ends class e = ends class (fst q);
  every_connection_once : Permutation (flat_map members groups) (connections g) }.

Definition tied (class : nat -> nat) (x : point) := forall i j, class i = class j -> x i = x j.
Definition tied_minimum class g r x := grounded g x /\ tied class x /\
  forall y, grounded g y -> tied class y -> total g r x <= total g r y.
Definition spread (class : nat -> nat) (z : point) : point := fun i => z (class i).

Lemma sum_permutation {T} (f : T -> R) l m : Permutation l m -> sum f l = sum f m.
Proof. induction 1; simpl; lra. Qed.

Lemma sum_flat_map {S T} (f : T -> R) (h : S -> list T) l : sum f (flat_map h l) = sum (fun a => sum f (h a)) l.
Proof. induction l as [|a l IH]; simpl; [reflexivity|]. now rewrite sum_app, IH. Qed.

Lemma amplitude_joint (p : R) class q : amplitude p (joint p class q) = sum (amplitude p) (members q).
Proof. unfold amplitude at 1. simpl. rewrite Rabs_R1. unfold Rpower. rewrite ln_1, Rmult_0_r, exp_0. ring. Qed.

Lemma merged_linear p class groups : linear_degree (merged p class groups).
Proof. intro i. reflexivity. Qed.

Lemma tied_spread class z : tied class (spread class z).
Proof. intros i j E. unfold spread. now rewrite E. Qed.

Section Merged.
Variables (p : posreal) (class : nat -> nat) (groups : list group) (g : graph).
Hypotheses (linear : linear_degree g) (is_merged : merges class groups g).
Let M := merged p class groups.

Lemma member_connection q e : In q groups -> In e (members q) -> In e (connections g).
Proof.
  intros Q I. apply (Permutation_in e (every_connection_once _ _ _ is_merged)). apply in_flat_map. eauto.
Qed.

Lemma exponent_joint z q e : In q groups -> In e (members q) ->
  exponent g (spread class z) e = exponent M z (joint p class q).
Proof.
  intros Q I. unfold exponent, spread. rewrite linear. simpl. rewrite <- (same_ends _ _ _ is_merged q e Q I).
  unfold ends. destruct (Nat.eqb_spec (class (tail e)) (class (head e))) as [E|_]; simpl; [rewrite E|]; ring.
Qed.

(** The costs of the members are the cost of the link, each its share of it. *)
Lemma member_cost z q e : In q groups -> In e (members q) -> power_cost p e (exponent g (spread class z) e) =
  share p q e * power_cost p (joint p class q) (exponent M z (joint p class q)).
Proof.
  intros Q I. rewrite (exponent_joint z q e Q I), !power_cost_exp, amplitude_joint. unfold share.
  pose proof (members_positive p q). field. lra.
Qed.

Lemma members_cost z q : In q groups -> sum (fun e => power_cost p e (exponent g (spread class z) e)) (members q) =
  power_cost p (joint p class q) (exponent M z (joint p class q)).
Proof.
  intro Q. rewrite (sum_ext _ (fun e => power_cost p (joint p class q) (exponent M z (joint p class q)) *
    (/ sum (amplitude p) (members q) * amplitude p e))).
  - rewrite !sum_scale. pose proof (members_positive p q). field. lra.
  - intros e I. rewrite (member_cost z q e Q I). unfold share, Rdiv. ring.
Qed.

Lemma total_merged z : total g (power p) (spread class z) = total M (power p) z.
Proof.
  unfold total. rewrite <- (sum_permutation _ _ _ (every_connection_once _ _ _ is_merged)), sum_flat_map.
  simpl. rewrite sum_map. apply sum_ext. intros q Q. now apply members_cost.
Qed.

Lemma grounded_spread z : grounded M z <-> grounded g (spread class z) /\ z 0%nat = 0.
Proof.
  split.
  - intro G. split; [|now apply G]. intros i F. apply G. unfold spread. simpl.
    now rewrite (proj1 (class_zero _ _ _ is_merged i) F).
  - intros [G Z] n F. simpl in F. apply negb_false_iff, Nat.eqb_eq in F. now rewrite F.
Qed.

(** Every grounded tied point is spread from a grounded point of the merged network, as far as connections can see. *)
Lemma spread_onto x : grounded g x -> tied class x -> exists z, grounded M z /\
  forall i, In i (units g) -> x i = spread class z i.
Proof.
  intros G T.
  exists (fun n => match find (fun i => Nat.eqb (class i) n) (units g) with Some i => x i | None => 0 end). split.
  - intros n F. simpl in F. apply negb_false_iff, Nat.eqb_eq in F. subst n. destruct find as [i|] eqn:E; auto.
    apply find_some in E. destruct E as [_ E]. apply Nat.eqb_eq in E. apply G. now apply (class_zero _ _ _ is_merged).
  - intros i I. unfold spread. destruct find as [j|] eqn:E.
    + apply find_some in E. destruct E as [_ E]. apply Nat.eqb_eq in E. apply T. auto.
    + apply (find_none _ _ E) in I. rewrite Nat.eqb_refl in I. discriminate.
Qed.

Lemma exponent_at_units x y e : (forall i, In i (units g) -> x i = y i) -> In e (connections g) ->
  exponent g x e = exponent g y e.
Proof. intros E I. unfold exponent. now rewrite !E by auto using tail_in_units, head_in_units. Qed.

Lemma total_at_units x y : (forall i, In i (units g) -> x i = y i) -> total g (power p) x = total g (power p) y.
Proof. intro E. apply sum_ext. intros e I. now rewrite (exponent_at_units x y). Qed.

(** The minima of the merged network are the tied minima. *)
Theorem merged_minimum :
  (forall z, minimum M (power p) z -> tied_minimum class g (power p) (spread class z)) /\
  forall x, tied_minimum class g (power p) x ->
    exists z, minimum M (power p) z /\ forall i, In i (units g) -> x i = spread class z i.
Proof.
  split.
  - intros z [G L]. split; [now apply grounded_spread|]. split; [apply tied_spread|]. intros y Gy Ty.
    destruct (spread_onto y Gy Ty) as [u [Gu Eu]]. rewrite (total_at_units y _ Eu), !total_merged. now apply L.
  - intros x [G [T L]]. destruct (spread_onto x G T) as [z [Gz Ez]]. exists z. split; auto. split; auto. intros u Gu.
    rewrite <- !total_merged, <- (total_at_units x _ Ez). apply L; [|apply tied_spread]. now apply grounded_spread.
Qed.

(** Where no two free units are tied, these are the minima. *)
Lemma tied_alone : (forall i j, free g i = true -> free g j = true -> class i = class j -> i = j) ->
  forall x, tied_minimum class g (power p) x <-> minimum g (power p) x.
Proof.
  intro One.
  assert (All : forall x, grounded g x -> tied class x).
  { intros x G i j E. destruct (free g i) eqn:Fi; destruct (free g j) eqn:Fj.
    - now rewrite (One i j).
    - apply (class_zero _ _ _ is_merged) in Fj. rewrite Fj in E. apply (class_zero _ _ _ is_merged) in E. congruence.
    - apply (class_zero _ _ _ is_merged) in Fi. rewrite Fi in E. symmetry in E.
      apply (class_zero _ _ _ is_merged) in E. congruence.
    - now rewrite !G. }
  intro x. split; [intros [G [T L]]|intros [G L]]; split; auto.
Qed.
End Merged.

(** The bounds of a link are those of the sum of the costs of its group, and each member has its share of that sum. *)
Definition groups_bounded c p g x ls qs := Forall2 (fun l q =>
  let cost e := penalty e * Rpower (Rabs (rescaled_weight g x e)) p in
  IZR (cost_low l) / IZR (amplitude_one c) <= sum cost (members q) <= IZR (cost_high l) / IZR (amplitude_one c) /\
  forall e, In e (members q) -> cost e = share p q e * sum cost (members q)) ls qs.

Lemma groups_bounded_from c (p : posreal) class groups g z kept : linear_degree g -> merges class groups g ->
  incl kept groups ->
  costs_bounded c p (Graph (map (joint p class) kept) (degree (merged p class groups)) (free (merged p class groups))) z ->
  forall x, (forall i, In i (units g) -> x i = spread class z i) -> groups_bounded c p g x (links c) kept.
Proof.
  intros D S I B x E. unfold costs_bounded in B. simpl in B. unfold groups_bounded.
  assert (cost_at : forall q e, In q groups -> In e (members q) -> penalty e * Rpower (Rabs (rescaled_weight g x e)) p =
    power_cost p e (exponent g (spread class z) e)).
  { intros q e Q Ie. unfold power_cost, rescaled_weight. rewrite (exponent_at_units g x (spread class z)); auto.
    now apply (member_connection class groups g S q). }
  remember (links c) as ls eqn:N. clear N. revert ls B.
  induction kept as [|q kept IH]; intros ls B; inversion B; subst; constructor.
  - assert (Q : In q groups) by (apply I; now left). cbv zeta.
    rewrite (sum_ext _ (fun e => power_cost p e (exponent g (spread class z) e)) (members q)) by (intros; now apply (cost_at q)).
    rewrite (members_cost p class groups g D S z q Q).
    change (penalty (joint p class q) *
      Rpower (Rabs (rescaled_weight (Graph (map (joint p class) (q :: kept)) (degree (merged p class groups))
        (free (merged p class groups))) z (joint p class q))) p)
      with (power_cost p (joint p class q) (exponent (merged p class groups) z (joint p class q))) in *.
    split; [assumption|]. intros e Ie. rewrite (cost_at q e Q Ie). now apply (member_cost p class groups g D S).
  - apply IH; auto. intros a Ia. apply I. now right.
Qed.

(** Nothing left out: if the checker accepts a certificate of the merged network, pins held, then the minimum among tied
    rescalings is attained, and at all such minima the costs, and the ratios of the scales of classes, are within the bounds. *)
Theorem checked_merged (c : certificate) (id : numbering) (p : posreal) g class groups :
  check c = true -> linear_degree g -> merges class groups g -> let M := merged p class groups in
  pins id M -> describes id c p (held id M) ->
  (exists x, tied_minimum class g (power p) x) /\
  forall x, tied_minimum class g (power p) x -> groups_bounded c p g x (links c) groups /\
    exists z, (forall i, In i (units g) -> x i = z (class i)) /\ scales_bounded id c p M z.
Proof.
  intros K D S M P W. destruct (checked_pinned c id p M K (merged_linear p class groups) P W) as [[z0 M0] B].
  destruct (merged_minimum p class groups g D S) as [To From]. split; [eauto|]. intros x T.
  destruct (From x T) as [z [Mz Ez]]. destruct (B z Mz) as [Bc Bs]. split; [|exists z; auto].
  now apply (groups_bounded_from c p class groups g z groups D S (incl_refl _)).
Qed.

(** A group that is kept *)
Definition kept p class (keep : connection -> bool) (q : group) := keep (joint p class q).

Lemma filter_joint p class keep groups :
  filter keep (map (joint p class) groups) = map (joint p class) (filter (kept p class keep) groups).
Proof. induction groups as [|q l IH]; simpl; [reflexivity|]. unfold kept. destruct keep; simpl; now rewrite IH. Qed.

(** The general case, all of this at once: ties, connections with the same ends, connections left out and pins. No tied
    rescaling of the network costs less than the limit z, tied rescalings come as near to it as one likes, and in these the
    weights that are not left out are those of the limit, within the bounds. *)
Theorem checked_written (c : certificate) (id : numbering) (p : posreal) g class groups keep :
  check c = true -> linear_degree g -> merges class groups g -> let M := merged p class groups in
  left_out keep M -> pins id (part M keep) -> describes id c p (held id (part M keep)) ->
  (exists z, minimum (part M keep) (power p) z) /\
  forall z, minimum (part M keep) (power p) z ->
    groups_bounded c p g (spread class z) (links c) (filter (kept p class keep) groups) /\
    scales_bounded id c p (part M keep) z /\
    (forall y, grounded g y -> tied class y -> total (part M keep) (power p) z <= total g (power p) y) /\
    forall eps, 0 < eps -> exists y, grounded g y /\ tied class y /\
      total g (power p) y < total (part M keep) (power p) z + eps /\
      forall q e, In q (filter (kept p class keep) groups) -> In e (members q) ->
        rescaled_weight g y e = rescaled_weight g (spread class z) e.
Proof.
  intros K D S M Out P W.
  destruct (checked_limit c id p M keep K (merged_linear p class groups) Out P W) as [_ [Ex B]].
  split; [exact Ex|]. intros z Mz. destruct (B z Mz) as [Bc [Bs [Low Near]]]. split; [|split; [exact Bs|split]].
  - apply (groups_bounded_from c p class groups g z _ D S); auto; [apply incl_filter|].
    unfold costs_bounded in *. simpl in *. rewrite <- filter_joint. exact Bc.
  - intros y G T. destruct (spread_onto p class groups g S y G T) as [u [Gu Eu]].
    rewrite (total_at_units p g y _ Eu), (total_merged p class groups g D S). now apply Low.
  - intros eps Pe. destruct (Near eps Pe) as [u [Gu [Tu Wu]]]. exists (spread class u).
    split; [now apply (grounded_spread p class groups g S)|]. split; [apply tied_spread|].
    split; [now rewrite (total_merged p class groups g D S)|].
    intros q e Q I. apply filter_In in Q. destruct Q as [Q Kq].
    assert (J : In (joint p class q) (connections (part M keep))).
    { simpl. apply filter_In. split; [now apply in_map|exact Kq]. }
    specialize (Wu _ J). unfold rescaled_weight in *.
    rewrite !(exponent_joint p class groups g D S _ q e Q I).
    apply Rmult_eq_reg_l in Wu; [|apply nonzero]. f_equal. exact Wu.
Qed.
