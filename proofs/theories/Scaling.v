(** Scaling preserves the function of a network.

    [act i]            the activation of unit i.
    [net g' cur prev i]   the weighted sum into unit i: a connection that is not delayed reads the tail's value in
                       [cur], a delayed one in [prev], the values of the step before. Biases are connections from a
                       unit that holds a constant.
    [sweep ... order prev cur]   computes the units of the list [order] one after the other, starting from the values
                       [cur] (which hold the inputs). With no delayed connections and a topological order this is a
                       feed-forward network on any directed acyclic graph; with all connections delayed, or some, one
                       step of a recurrent one.
    [recur ... orders inputs n]   the values after n steps of a recurrent network, from initial values [v0]; before
                       each step the units that [is_input] names are set to the step's inputs.
    [factor g x i]     exp(c_i x_i), by which the value of unit i is multiplied when the network is rescaled by x.
    Units may differ: every free unit has its own activation and degree, and the units that are not free (inputs, outputs,
    constants, units with activations that are not homogeneous) may have any activation. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Activations.
Import ListNotations.
Open Scope R_scope.

Definition net (l : list connection) (cur prev : nat -> R) i :=
  sum (fun e => if Nat.eqb (head e) i then weight e * (if delayed e then prev (tail e) else cur (tail e)) else 0) l.

Fixpoint sweep (act : nat -> R -> R) l (order : list nat) (prev cur : nat -> R) : nat -> R :=
  match order with
  | [] => cur
  | i :: order => sweep act l order prev (set cur i (act i (net l cur prev i)))
  end.

Fixpoint recur act l (order : list nat) (is_input : nat -> bool) (inputs : nat -> nat -> R) (v0 : nat -> R) n :=
  match n with
  | O => v0
  | S n => let prev := recur act l order is_input inputs v0 n in
           sweep act l order prev (fun i => if is_input i then inputs n i else prev i)
  end.

Definition rescaled g x := map (rescale g x) (connections g).
Definition factor g (x : point) i := exp (degree g i * x i).

(** Free units are homogeneous of their degree; the others may have any activation. *)
Definition homogeneous_where_free g (act : nat -> R -> R) :=
  forall i, free g i = true -> homogeneous_of_degree (degree g i) (act i).

(** BiLU units of degree 1 and BiPU units of any degree may be mixed. *)
Theorem mixed_units_are_homogeneous g act : (forall i, free g i = true ->
    (degree g i = 1 :> R /\ exists a b, forall z, act i z = bilu a b z) \/
    (exists C D, forall z, act i z = bipu (degree g i) C D z)) -> homogeneous_where_free g act.
Proof.
  intros H i F. destruct (H i F) as [[E B]|B].
  - rewrite E. now apply degree_one_agrees, homogeneous_iff_bilu.
  - apply homogeneous_iff_bipu; [apply cond_pos|exact B].
Qed.

Section Scaling.
Variables (g : graph) (act : nat -> R -> R) (x : point).
Hypotheses (x_grounded : grounded g x) (act_homogeneous : homogeneous_where_free g act).

Lemma net_rescaled cur prev cur' prev' i :
  (forall j, cur' j = factor g x j * cur j) -> (forall j, prev' j = factor g x j * prev j) ->
  net (rescaled g x) cur' prev' i = exp (x i) * net (connections g) cur prev i.
Proof.
  intros C P. unfold net, rescaled. rewrite sum_map, <- sum_scale. apply sum_ext. intros e _. simpl.
  destruct (Nat.eqb_spec (head e) i) as [Q|]; [|ring].
  unfold rescaled_weight, exponent. rewrite C, P, Q. unfold factor.
  replace (x i - degree g (tail e) * x (tail e)) with (x i + - (degree g (tail e) * x (tail e))) by ring.
  rewrite exp_plus, exp_Ropp. pose proof (exp_pos (degree g (tail e) * x (tail e))).
  destruct (delayed e); field; lra.
Qed.

Lemma act_rescaled i z : act i (exp (x i) * z) = factor g x i * act i z.
Proof.
  unfold factor. destruct (free g i) eqn:F.
  - rewrite (act_homogeneous i F) by apply exp_pos. unfold Rpower. now rewrite ln_exp.
  - rewrite x_grounded by auto. rewrite Rmult_0_r, exp_0. now rewrite !Rmult_1_l.
Qed.

(** One sweep, feed-forward or one step of a recurrent network: every unit's value is multiplied by its factor. *)
Theorem sweep_rescaled order : forall prev cur prev' cur',
  (forall j, cur' j = factor g x j * cur j) -> (forall j, prev' j = factor g x j * prev j) ->
  forall i, sweep act (rescaled g x) order prev' cur' i = factor g x i * sweep act (connections g) order prev cur i.
Proof.
  induction order as [|k order IH]; simpl; intros prev cur prev' cur' C P i; auto.
  apply IH; auto. intro j. unfold set. destruct (Nat.eqb_spec j k) as [->|]; auto.
  rewrite (net_rescaled cur prev) by auto. apply act_rescaled.
Qed.

Lemma visible_factor i : free g i = false -> factor g x i = 1.
Proof. intro F. unfold factor. rewrite x_grounded by auto. now rewrite Rmult_0_r, exp_0. Qed.

(** A feed-forward network computes the same function: with the same inputs, all other values zero at the start, every
    visible unit has the same value. *)
Theorem scaling_preserves_the_function order inputs :
  (forall i, free g i = true -> inputs i = 0) -> forall i, free g i = false ->
  sweep act (rescaled g x) order (fun _ => 0) inputs i = sweep act (connections g) order (fun _ => 0) inputs i.
Proof.
  intros Z i F. rewrite (sweep_rescaled order (fun _ => 0) inputs).
  - rewrite visible_factor by auto. ring.
  - intro j. destruct (free g j) eqn:E; [rewrite Z by auto; ring|rewrite visible_factor by auto; ring].
  - intro j. ring.
Qed.

(** A recurrent network computes the same function over any number of steps, once its initial state is rescaled. *)
Theorem scaling_preserves_recurrent_networks order is_input inputs v0 :
  (forall i, is_input i = true -> free g i = false) ->
  forall n i, recur act (rescaled g x) order is_input inputs (fun j => factor g x j * v0 j) n i =
              factor g x i * recur act (connections g) order is_input inputs v0 n i.
Proof.
  intros I. induction n as [|n IH]; simpl; intro i; auto.
  apply sweep_rescaled; auto. intro j. destruct (is_input j) eqn:E; auto.
  rewrite visible_factor by auto. ring.
Qed.

Corollary recurrent_outputs_preserved order is_input inputs v0 :
  (forall i, is_input i = true -> free g i = false) -> forall n i, free g i = false ->
  recur act (rescaled g x) order is_input inputs (fun j => factor g x j * v0 j) n i =
  recur act (connections g) order is_input inputs v0 n i.
Proof. intros I n i F. rewrite scaling_preserves_recurrent_networks, visible_factor by auto. ring. Qed.
End Scaling.

(** A sweep in topological order solves the network's equations: every computed unit holds the activation of its
    weighted input. The hypothesis says that a connection into a unit comes from a unit that stands before it. *)
Lemma sweep_other act l order : forall prev cur i, ~ In i order -> sweep act l order prev cur i = cur i.
Proof.
  induction order as [|k order IH]; simpl; intros prev cur i N; auto.
  rewrite IH by tauto. apply set_other. intro E. apply N. auto.
Qed.

Theorem sweep_solves_the_equations act l order prev : forall cur, NoDup order ->
  (forall before i after, order = before ++ i :: after -> forall e, In e l -> head e = i -> delayed e = false ->
     ~ In (tail e) (i :: after)) ->
  forall i, In i order -> sweep act l order prev cur i = act i (net l (sweep act l order prev cur) prev i).
Proof.
  induction order as [|k order IH]; intros cur ND T i I; [destruct I|]. inversion ND; subst. destruct I as [->|I].
  - simpl. rewrite sweep_other by auto. rewrite set_same. f_equal. apply sum_ext. intros e Ie.
    destruct (Nat.eqb_spec (head e) i) as [Q|]; auto. destruct (delayed e) eqn:D; auto. f_equal.
    pose proof (T [] i order eq_refl e Ie Q D) as N. simpl in N.
    rewrite sweep_other by tauto. rewrite set_other by (intro K; apply N; left; congruence). reflexivity.
  - simpl. apply IH; auto. intros before j after E e Ie. apply (T (k :: before) j after); auto. simpl. now rewrite E.
Qed.

(** Scalings commute and compose: rescaling by x and then by y rescales every weight by x + y. *)
Theorem scalings_compose g x y e :
  rescaled_weight g y (rescale g x e) = rescaled_weight g (fun i => x i + y i) e.
Proof.
  unfold rescaled_weight, exponent. simpl. unfold rescaled_weight, exponent.
  rewrite Rmult_assoc, <- exp_plus. f_equal. f_equal. ring.
Qed.

Corollary scalings_commute g x y e : rescaled_weight g y (rescale g x e) = rescaled_weight g x (rescale g y e).
Proof. rewrite !scalings_compose. unfold rescaled_weight. f_equal. f_equal. unfold exponent. ring. Qed.
