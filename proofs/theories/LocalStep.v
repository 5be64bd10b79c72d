(** Local balancing of one unit in a network.

    [balances g r i x y]   y is x with the log-scale of unit i, and nothing else, moved to where i is balanced. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity.
Open Scope R_scope.

Definition balances g r i (x y : point) := (forall j, j <> i -> y j = x j) /\ residual g r y i = 0.

Lemma step_term g r i x y : balances g r i x y ->
  sum (fun j => (x j - y j) * residual g r y j) (units g) = 0.
Proof.
  intros [O Z]. apply sum_null. intros j _. destruct (Nat.eq_dec j i) as [->|D].
  - rewrite Z. ring.
  - rewrite O by auto. ring.
Qed.

(** A local step never raises the cost ... *)
Theorem local_step_never_raises g r i x y : balances g r i x y -> total g r y <= total g r x.
Proof.
  intro B. pose proof (total_above_tangent g r y x) as T. rewrite (step_term g r i x y B) in T. lra.
Qed.

(** ... and lowers it unless the unit is balanced already. *)
Theorem local_step_lowers g r i x y : balances g r i x y -> residual g r x i <> 0 -> total g r y < total g r x.
Proof.
  intros B N.
  destruct (Exists_dec (fun e => exponent g y e <> exponent g x e) (connections g)) as [E|E].
  - intro e. destruct (Req_EM_T (exponent g y e) (exponent g x e)); [right|left]; tauto.
  - apply Exists_exists in E. pose proof (total_above_tangent_strict g r y x E) as T.
    rewrite (step_term g r i x y B) in T. lra.
  - exfalso. apply N. rewrite <- (proj2 B). apply divergence_ext. intros e I. f_equal.
    rewrite <- Forall_Exists_neg, Forall_forall in E. specialize (E e I).
    destruct (Req_dec (exponent g y e) (exponent g x e)); [congruence|tauto].
Qed.
