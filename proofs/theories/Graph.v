(** Networks as graphs: the notions that all other files use.

    Units are numbered by natural numbers.
    [connection]     a connection with its [tail], its [head], its [weight] (not zero: a connection of weight zero is
                     left out, it adds nothing to a function or to a cost), its [penalty] (the coefficient alpha of its
                     cost) and whether it is [delayed] (carries the tail's value of the step before).
    [graph]          a finite list of connections, the [degree] c_i > 0 of homogeneity of every unit, and which units
                     are [free] to be rescaled. The units that are not free (inputs, outputs, constants, anything with
                     an activation that is not homogeneous) are the ground.
    [point]          a log-scale for every unit, x_i = ln lambda_i.
    [grounded g x]   x vanishes at every unit that is not free.
    [exponent g x e] the log-scale L_e = x_head - c_tail x_tail of the multiplier of connection e.
    [into f l i]     the sum of f over the connections of l with head i;  [out_of f l i] over those with tail i.
    [divergence g f i]  into - c_i out_of.
    [anchored g]     no direction but zero leaves every exponent as it is: the map from points to exponents is
                     injective. File Anchored.v shows that for degree 1 it says that every free unit is linked to the
                     ground by connections, whichever way they point. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums.
Import ListNotations.
Open Scope R_scope.

Record connection := Connection {
  tail : nat; head : nat; weight : R; nonzero : weight <> 0; penalty : posreal; delayed : bool }.

Record graph := Graph { connections : list connection; degree : nat -> posreal; free : nat -> bool }.

Definition point := nat -> R.
Definition grounded (g : graph) (x : point) := forall i, free g i = false -> x i = 0.
Definition exponent (g : graph) (x : point) (e : connection) : R := x (head e) - degree g (tail e) * x (tail e).

Definition into (f : connection -> R) l i := sum (fun e => if Nat.eqb (head e) i then f e else 0) l.
Definition out_of (f : connection -> R) l i := sum (fun e => if Nat.eqb (tail e) i then f e else 0) l.
Definition divergence g f i := into f (connections g) i - degree g i * out_of f (connections g) i.

Definition anchored g := forall h, grounded g h ->
  (forall e, In e (connections g) -> exponent g h e = 0) -> forall i, h i = 0.

(** Degree 1 at every unit: ReLU, leaky ReLU, linear and other BiLU units. *)
Definition linear_degree g := forall i, degree g i = 1 :> R.

(** The weight of a connection after rescaling by x, and the rescaled network. *)
Definition rescaled_weight g x e := weight e * exp (exponent g x e).

Lemma rescaled_nonzero g x e : rescaled_weight g x e <> 0.
Proof. apply Rmult_integral_contrapositive_currified; [apply nonzero|]. pose proof (exp_pos (exponent g x e)). lra. Qed.

Definition rescale g x e :=
  Connection (tail e) (head e) (rescaled_weight g x e) (rescaled_nonzero g x e) (penalty e) (delayed e).

(** x with the value t at unit i *)
Definition set (x : point) i t : point := fun j => if Nat.eqb j i then t else x j.

Lemma set_same x i t : set x i t i = t.
Proof. unfold set. now rewrite Nat.eqb_refl. Qed.

Lemma set_other x i t j : j <> i -> set x i t j = x j.
Proof. intro H. unfold set. apply Nat.eqb_neq in H. now rewrite H. Qed.

(** The units that some connection touches *)
Definition units g := nodup Nat.eq_dec (flat_map (fun e => [tail e; head e]) (connections g)).

Lemma tail_in_units g e : In e (connections g) -> In (tail e) (units g).
Proof. intro H. apply nodup_In, in_flat_map. exists e. simpl. auto. Qed.

Lemma head_in_units g e : In e (connections g) -> In (head e) (units g).
Proof. intro H. apply nodup_In, in_flat_map. exists e. simpl. auto. Qed.

Lemma units_nodup g : NoDup (units g).
Proof. apply NoDup_nodup. Qed.

Lemma sum_by_unit (l : list connection) (endpoint : connection -> nat) (f : connection -> R) (h : point) us :
  NoDup us -> (forall e, In e l -> In (endpoint e) us) ->
  sum (fun e => f e * h (endpoint e)) l =
  sum (fun i => h i * sum (fun e => if Nat.eqb (endpoint e) i then f e else 0) l) us.
Proof.
  intros ND H.
  rewrite (sum_ext (fun i => h i * _) (fun i => sum (fun e => if Nat.eqb (endpoint e) i then f e * h i else 0) l)).
  2:{ intros i _. rewrite <- sum_scale. apply sum_ext. intros e _. destruct Nat.eqb; ring. }
  rewrite (sum_swap (fun i e => if Nat.eqb (endpoint e) i then f e * h i else 0)).
  apply sum_ext. intros e I. now rewrite (sum_delta (fun i => f e * h i)) by auto.
Qed.

(** Summation by parts *)
Lemma by_parts g f h :
  sum (fun e => f e * exponent g h e) (connections g) = sum (fun i => h i * divergence g f i) (units g).
Proof.
  unfold exponent, divergence, into, out_of.
  rewrite (sum_ext _ (fun e => f e * h (head e) - f e * (degree g (tail e) * h (tail e)))) by (intros; ring).
  rewrite sum_minus, (sum_by_unit _ head f h (units g)) by auto using units_nodup, head_in_units.
  rewrite (sum_by_unit _ tail f (fun i => degree g i * h i) (units g)) by auto using units_nodup, tail_in_units.
  rewrite <- sum_minus. apply sum_ext. intros; ring.
Qed.

Lemma divergence_ext g f f' i :
  (forall e, In e (connections g) -> f e = f' e) -> divergence g f i = divergence g f' i.
Proof.
  intro H. unfold divergence, into, out_of.
  f_equal; [|f_equal]; apply sum_ext; intros e I; now rewrite H.
Qed.

Lemma divergence_minus g f f' i : divergence g (fun e => f e - f' e) i = divergence g f i - divergence g f' i.
Proof.
  unfold divergence, into, out_of.
  rewrite (sum_ext (fun e => if (head e =? i)%nat then _ else 0)
    (fun e => (if Nat.eqb (head e) i then f e else 0) - (if Nat.eqb (head e) i then f' e else 0)))
    by (intros; destruct Nat.eqb; ring).
  rewrite (sum_ext (fun e => if (tail e =? i)%nat then _ else 0)
    (fun e => (if Nat.eqb (tail e) i then f e else 0) - (if Nat.eqb (tail e) i then f' e else 0)))
    by (intros; destruct Nat.eqb; ring).
  rewrite !sum_minus. ring.
Qed.

(** The divergence at i as one sum over connections *)
Lemma divergence_sum g f i : divergence g f i =
  sum (fun e => f e * ((if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then degree g i else 0)))
    (connections g).
Proof.
  unfold divergence, into, out_of. rewrite <- sum_scale, <- sum_minus.
  apply sum_ext. intros e _. do 2 destruct Nat.eqb; ring.
Qed.

Lemma exponent_minus g x y e : exponent g (fun i => x i - y i) e = exponent g x e - exponent g y e.
Proof. unfold exponent. ring. Qed.

Lemma exponent_line g x h t e : exponent g (fun i => x i + t * h i) e = exponent g x e + t * exponent g h e.
Proof. unfold exponent. ring. Qed.

Lemma exponent_zero g x e : (forall i, x i = 0) -> exponent g x e = 0.
Proof. intro H. unfold exponent. rewrite !H. ring. Qed.
