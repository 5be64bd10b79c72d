(** L_p, degree 1: self-connections. Their cost is a constant, so local balancing leaves them out of inflow and outflow
    ([loopless g] of Attained.v is g without them) and converges in the network with them. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity Comparison OneUnit PowerStep Convergence Attained.
Import ListNotations.
Open Scope R_scope.

Lemma residual_loopless (p : posreal) g x i : linear_degree g ->
  residual (loopless g) (power p) x i = residual g (power p) x i.
Proof.
  intro D. unfold residual. rewrite !divergence_sum. simpl. rewrite !D.
  induction (connections g) as [|e l IH]; simpl; [reflexivity|].
  change (exponent (loopless g) x e) with (exponent g x e) in *.
  destruct (is_loop e) eqn:E; simpl; rewrite IH; [|reflexivity].
  apply Nat.eqb_eq in E. rewrite E. destruct Nat.eqb; ring.
Qed.

Lemma loopless_no_loops g : no_loops (loopless g).
Proof.
  intros e I _. simpl in I. apply filter_In in I. destruct I as [_ E]. apply Bool.negb_true_iff in E.
  now apply Nat.eqb_neq in E.
Qed.

(** The closed form with inflow and outflow without self-connections balances the unit. *)
Theorem closed_form_solves_with_loops (p : posreal) g : linear_degree g -> two_sided (loopless g) ->
  solves g (power p) (closed_form p (loopless g)).
Proof.
  intros D S i x F. rewrite <- residual_loopless by auto.
  now apply (closed_form_solves p (loopless g) (loopless_no_loops g) S).
Qed.

(** From every start, under every fair schedule, it converges to the minimum. *)
Theorem closed_form_converges_with_loops (p : posreal) g theta theta0 s V x : anchored g -> linear_degree g ->
  two_sided (loopless g) -> 0 < theta0 -> (forall n, theta0 <= theta n <= 1) -> fair g s ->
  minimum g (power p) V -> grounded g x ->
  forall i, Un_cv (fun n => run (closed_form p (loopless g)) theta s x n i) (V i).
Proof.
  intros A D S P T Fs M G.
  apply (local_balancing_converges_from_every_start g (power p) _ A (closed_form_solves_with_loops p g D S) theta theta0);
    auto.
Qed.
