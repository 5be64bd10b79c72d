(** Where no minimum is attained: leaving out connections that carry no signal keeps the function; degree 1: the
    connections that escape (lie on no directed cycle of the grounded graph) are such connections when the free units
    start at zero, so the limit keeps the function.

    [useful g i]         i reaches a unit that is not free (link and reach as in Existence.v).
    [alive g source i]   a unit that is a source, or not free, reaches i: i may hold a value other than zero.
    [part g keep]        g with the connections e with keep e = true only.
    [lasting g]          the connections that do not escape; [lasting_part g] the network of these.
    [agree g source cur cur']   both states vanish at units that are not alive, and are equal at useful units. *)
From Coq Require Import Reals Psatz List Arith Bool Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity Activations Scaling Existence Attained.
Import ListNotations.
Open Scope R_scope.

Definition useful g i := exists v, free g v = false /\ reach g i v.
Definition alive g (source : nat -> Prop) i := exists v, (free g v = false \/ source v) /\ reach g v i.
Definition part g (keep : connection -> bool) := Graph (filter keep (connections g)) (degree g) (free g).
Definition lasting g e := decide (on_cycle g e).
Definition lasting_part g := part g (lasting g).

Lemma homogeneous_at_zero (c : posreal) f : homogeneous_of_degree c f -> f 0 = 0.
Proof.
  intro H. pose proof (H 2 0 ltac:(lra)) as E. rewrite Rmult_0_r in E.
  assert (1 < Rpower 2 c) by (rewrite <- (Rpower_O 2) by lra; apply Rpower_lt; [lra|apply cond_pos]). nra.
Qed.

Section Part.
Variables (g : graph) (act : nat -> R -> R) (source : nat -> Prop) (keep : connection -> bool).
Hypothesis act_homogeneous : homogeneous_where_free g act.
Hypothesis silent : forall e, In e (connections g) -> keep e = false -> alive g source (tail e) -> useful g (head e) -> False.

Definition agree (cur cur' : nat -> R) :=
  (forall i, ~ alive g source i -> cur i = 0 /\ cur' i = 0) /\ (forall i, useful g i -> cur i = cur' i).

Lemma connection_reaches e : In e (connections g) -> reach g (tail e) (head e).
Proof. intro I. apply reach_link. left. eauto. Qed.

Lemma net_silent l cur prev i : (forall e, In e l -> In e (connections g)) -> ~ alive g source i ->
  (forall j, ~ alive g source j -> cur j = 0) -> (forall j, ~ alive g source j -> prev j = 0) -> net l cur prev i = 0.
Proof.
  intros S N C P. apply sum_null. intros e I. destruct (Nat.eqb_spec (head e) i) as [<-|]; [|auto].
  assert (Z : ~ alive g source (tail e)).
  { intros [v [V R]]. apply N. exists v. split; auto. eapply reach_trans; [exact R|]. apply connection_reaches; auto. }
  rewrite C, P by auto. destruct delayed; ring.
Qed.

Lemma net_agree cur cur' prev prev' i : agree cur cur' -> agree prev prev' -> useful g i ->
  net (connections g) cur prev i = net (filter keep (connections g)) cur' prev' i.
Proof.
  intros [Z E] [Zp Ep] U. unfold net. assert (S : forall e, In e (connections g) -> In e (connections g)) by auto.
  revert S. generalize (connections g) at 1 3 4. intro l. induction l as [|e l IH]; intro S; simpl; [reflexivity|].
  rewrite IH by (intros; apply S; simpl; auto). pose proof (S e ltac:(simpl; auto)) as I.
  destruct (Nat.eqb_spec (head e) i) as [Q|Q].
  - destruct (keep e) eqn:K; simpl.
    + rewrite Q, Nat.eqb_refl. assert (T : useful g (tail e)).
      { destruct U as [v [F R]]. exists v. split; auto. eapply reach_trans; [apply connection_reaches, I|]. now rewrite Q. }
      rewrite E, Ep by auto. reflexivity.
    + assert (T : ~ alive g source (tail e)) by (intro A; apply (silent e I K A); now rewrite Q).
      rewrite (proj1 (Z _ T)), (proj1 (Zp _ T)). destruct delayed; ring.
  - destruct (keep e); simpl; [|ring]. apply Nat.eqb_neq in Q. rewrite Q. ring.
Qed.

Lemma not_alive_free i : ~ alive g source i -> free g i = true.
Proof.
  intro N. destruct (free g i) eqn:F; auto. exfalso. apply N. exists i. split; auto. constructor.
Qed.

Lemma sweep_agree order : forall cur cur' prev prev', agree cur cur' -> agree prev prev' ->
  agree (sweep act (connections g) order prev cur) (sweep act (filter keep (connections g)) order prev' cur').
Proof.
  induction order as [|k order IH]; simpl; intros cur cur' prev prev' A P; auto.
  apply IH; auto. destruct A as [Z E]. split; intros i Hi; unfold set; destruct (Nat.eqb_spec i k) as [->|]; auto.
  - assert (H0 : act k 0 = 0) by (apply (homogeneous_at_zero (degree g k)), act_homogeneous, not_alive_free; auto).
    rewrite !net_silent; auto; try (intros; apply Z; auto); try (intros; apply P; auto).
    intros e I. apply filter_In in I. tauto.
  - f_equal. apply net_agree; auto. now split.
Qed.

Lemma visible_useful i : free g i = false -> useful g i.
Proof. intro F. exists i. split; auto. constructor. Qed.

(** One sweep: a feed-forward network. *)
Theorem part_keeps_the_function order inputs : (forall i, free g i = true -> inputs i = 0) ->
  forall i, free g i = false ->
  sweep act (connections g) order (fun _ => 0) inputs i = sweep act (connections (part g keep)) order (fun _ => 0) inputs i.
Proof.
  intros Z i F. apply (sweep_agree order inputs inputs (fun _ => 0) (fun _ => 0)).
  - split; auto. intros j N. rewrite Z by now apply not_alive_free. auto.
  - split; auto.
  - now apply visible_useful.
Qed.

(** Any number of steps of a recurrent network; free units that do not start at zero are sources. *)
Theorem part_keeps_recurrent_networks order is_input inputs v0 : (forall i, is_input i = true -> free g i = false) ->
  (forall i, free g i = true -> v0 i = 0 \/ source i) -> forall n i, free g i = false ->
  recur act (connections g) order is_input inputs v0 n i =
  recur act (connections (part g keep)) order is_input inputs v0 n i.
Proof.
  intros I S n i F.
  enough (A : agree (recur act (connections g) order is_input inputs v0 n)
    (recur act (connections (part g keep)) order is_input inputs v0 n)) by (apply A; now apply visible_useful).
  clear i F. induction n as [|n IH]; simpl.
  - split; auto. intros j N. destruct (S j (not_alive_free j N)) as [-> |Q]; auto.
    exfalso. apply N. exists j. split; auto. constructor.
  - apply sweep_agree; auto. split.
    + intros j N. destruct (is_input j) eqn:E; [apply I in E; apply not_alive_free in N; congruence|now apply IH].
    + intros j U. destruct (is_input j); auto. now apply IH.
Qed.
End Part.

(** Rescaled: what is left, with other weights, computes the function of the whole, any degree ... *)
Corollary rescaled_part_keeps_the_function g act keep x order inputs : homogeneous_where_free g act ->
  (forall e, In e (connections g) -> keep e = false -> alive g (fun _ => False) (tail e) -> useful g (head e) -> False) ->
  grounded g x -> (forall i, free g i = true -> inputs i = 0) -> forall i, free g i = false ->
  sweep act (rescaled (part g keep) x) order (fun _ => 0) inputs i = sweep act (connections g) order (fun _ => 0) inputs i.
Proof.
  intros H S G Z i F. rewrite (part_keeps_the_function g act (fun _ => False) keep H S order inputs Z i F).
  now apply (scaling_preserves_the_function (part g keep) act x G H).
Qed.

(** ... and so it does over any number of steps from any initial state, once this is rescaled too; free units that do not
    start at zero are sources. *)
Corollary rescaled_part_keeps_recurrent_networks g act source keep x order is_input inputs v0 :
  homogeneous_where_free g act ->
  (forall e, In e (connections g) -> keep e = false -> alive g source (tail e) -> useful g (head e) -> False) ->
  grounded g x -> (forall i, is_input i = true -> free g i = false) ->
  (forall i, free g i = true -> v0 i = 0 \/ source i) -> forall n i, free g i = false ->
  recur act (rescaled (part g keep) x) order is_input inputs (fun j => factor g x j * v0 j) n i =
  recur act (connections g) order is_input inputs v0 n i.
Proof.
  intros H S G I V n i F. rewrite (part_keeps_recurrent_networks g act source keep H S order is_input inputs v0 I V n i F).
  now apply (recurrent_outputs_preserved (part g keep) act x G H order is_input inputs v0 I).
Qed.

(** ** Degree 1: the limit *)
Lemma reach_lasting g i j : reach g i j -> reach g j i -> reach (lasting_part g) i j.
Proof.
  induction 1 as [i|i j k L R IH]; intro B; [constructor|].
  assert (J : reach g k j) by (eapply reach_trans; [exact B|now apply reach_link]).
  apply (reach_next (lasting_part g) i j k); auto. destruct L as [[e [I [<- <-]]]|G]; [left|now right].
  exists e. split; auto. simpl. apply filter_In. split; auto. apply decide_spec. unfold on_cycle.
  eapply reach_trans; eauto.
Qed.

Lemma escaping_silent g e : In e (connections g) -> lasting g e = false ->
  alive g (fun _ => False) (tail e) -> useful g (head e) -> False.
Proof.
  intros I K [v [[F|[]] R]] [w [G S]]. enough (lasting g e = true) by congruence. apply decide_spec. unfold on_cycle.
  eapply reach_trans; [exact S|]. eapply reach_trans; [apply (reach_link g w v); right; split; auto|exact R].
Qed.

(** The network without the connections that escape has a minimizing point x; no point of the whole network costs less;
    and rescaled by x it computes the function of the whole network, feed-forward ... *)
Theorem limit_keeps_the_function (p : posreal) g : linear_degree g -> exists x, minimum (lasting_part g) (power p) x /\
  (forall y, grounded g y -> total (lasting_part g) (power p) x <= total g (power p) y) /\
  forall act, homogeneous_where_free g act -> forall order inputs, (forall i, free g i = true -> inputs i = 0) ->
  forall i, free g i = false ->
  sweep act (rescaled (lasting_part g) x) order (fun _ => 0) inputs i =
  sweep act (connections g) order (fun _ => 0) inputs i.
Proof.
  intro D. destruct (proj2 (attained_iff_on_cycles p (lasting_part g) D)) as [x M].
  { intros e I. simpl in I. apply filter_In in I. destruct I as [I K]. apply (proj1 (decide_spec _)) in K.
    apply reach_lasting; [exact K|]. now apply connection_reaches. }
  exists x. split; [exact M|]. split.
  - intros y G. apply Rle_trans with (total (lasting_part g) (power p) y); [now apply M|]. unfold total. simpl.
    induction (connections g) as [|e l IH]; simpl; [lra|].
    pose proof (PowerStep.power_cost_pos p e (exponent g y e)) as C.
    destruct (lasting g e); simpl; [apply Rplus_le_compat_l; exact IH|].
    apply Rle_trans with (1 := IH). lra.
  - intros act H order inputs Z i F.
    rewrite (part_keeps_the_function g act (fun _ => False) (lasting g) H (escaping_silent g) order inputs Z i F).
    now apply (scaling_preserves_the_function (lasting_part g) act x (proj1 M) H).
Qed.

(** ... and recurrent from a state in which free units are zero. *)
Corollary limit_keeps_recurrent_networks g x act order is_input inputs v0 : grounded g x ->
  homogeneous_where_free g act -> (forall i, is_input i = true -> free g i = false) ->
  (forall i, free g i = true -> v0 i = 0) -> forall n i, free g i = false ->
  recur act (rescaled (lasting_part g) x) order is_input inputs v0 n i =
  recur act (connections g) order is_input inputs v0 n i.
Proof.
  intros G H I Z n i F.
  rewrite (part_keeps_recurrent_networks g act (fun _ => False) (lasting g) H (escaping_silent g) order is_input inputs v0 I)
    by auto.
  change (part g (lasting g)) with (lasting_part g).
  rewrite <- (recurrent_outputs_preserved (lasting_part g) act x G H order is_input inputs v0 I n i F).
  assert (E : (fun j => factor (lasting_part g) x j * v0 j) = v0).
  { apply FunctionalExtensionality.functional_extensionality. intro j. destruct (free g j) eqn:Fj.
    - rewrite Z by auto. ring.
    - unfold factor. rewrite (G j) by auto. rewrite Rmult_0_r, exp_0. ring. }
  now rewrite E.
Qed.

(** From any initial state, rescaled too, in which every free unit that is not zero is reached from a unit that is not free. *)
Corollary limit_keeps_recurrent_networks_from_any_state g x act order is_input inputs v0 : grounded g x ->
  homogeneous_where_free g act -> (forall i, is_input i = true -> free g i = false) ->
  (forall i, free g i = true -> v0 i = 0 \/ exists v, free g v = false /\ reach g v i) -> forall n i, free g i = false ->
  recur act (rescaled (lasting_part g) x) order is_input inputs (fun j => factor g x j * v0 j) n i =
  recur act (connections g) order is_input inputs v0 n i.
Proof.
  intros G H I Z n i F.
  apply (rescaled_part_keeps_recurrent_networks g act (fun i => exists v, free g v = false /\ reach g v i)); auto.
  intros e Ie K [u [S R]] U. apply (escaping_silent g e Ie K); [|exact U].
  destruct S as [S|[v [Fv Rv]]]; [exists u; auto|]. exists v. split; auto. eapply reach_trans; eauto.
Qed.
