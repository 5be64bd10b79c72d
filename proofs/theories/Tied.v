(** One scale per layer (tied layers), in closed form.

    A chain of n layers of connections with costs a 0, ..., a (n-1), all positive; the units between layer l - 1 and
    layer l share the log-scale x l; x 0 = x n = 0 for inputs and outputs.
    [layer_cost a p x l]  a_l exp(p (x_(l+1) - x_l)), the cost of layer l at x.
    [mean a n]            the geometric mean of the layer costs. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums OneUnit.
Open Scope R_scope.

Definition layer_cost (a : nat -> R) p (x : nat -> R) l := a l * exp (p * (x (S l) - x l)).
Definition mean (a : nat -> R) n := exp (sum (fun l => ln (a l)) (seq 0 n) / INR n).
Definition tied_scale (a : nat -> R) p n l := sum (fun k => ln (mean a n) - ln (a k)) (seq 0 l) / p.

Section Tied.
Variables (a : nat -> R) (p : R) (n : nat).
Hypotheses (a_pos : forall l, 0 < a l) (p_pos : 0 < p) (n_pos : (0 < n)%nat).

Lemma sum_next f m : sum f (seq 0 (S m)) = sum f (seq 0 m) + f m.
Proof. rewrite seq_S, sum_app. simpl. ring. Qed.

Lemma sum_constant c m : sum (fun _ => c) (seq 0 m) = INR m * c.
Proof. induction m; [simpl; ring|]. rewrite sum_next, IHm, S_INR. ring. Qed.

Lemma telescope (x : nat -> R) m : sum (fun l => x (S l) - x l) (seq 0 m) = x m - x 0%nat.
Proof. induction m; [simpl; ring|]. rewrite sum_next, IHm. ring. Qed.

Lemma ln_mean : INR n * ln (mean a n) = sum (fun l => ln (a l)) (seq 0 n).
Proof. unfold mean. rewrite ln_exp. field. apply lt_0_INR in n_pos. lra. Qed.

(** The closed form is admissible and makes every layer's cost equal to the geometric mean ... *)
Theorem tied_layers_closed_form : tied_scale a p n 0 = 0 /\ tied_scale a p n n = 0 /\
  forall l, layer_cost a p (tied_scale a p n) l = mean a n.
Proof.
  unfold tied_scale. split; [simpl; field; lra|]. split.
  - rewrite sum_minus, sum_constant, ln_mean. field. lra.
  - intro l. unfold layer_cost. rewrite sum_next.
    match goal with |- _ * exp ?u = _ => replace u with (ln (mean a n) - ln (a l)) by (field; lra) end.
    unfold Rminus. rewrite exp_plus, exp_Ropp, !exp_ln by (auto; unfold mean; apply exp_pos).
    field. specialize (a_pos l). lra.
Qed.

Lemma layer_above x l : mean a n * (1 + (ln (a l) + p * (x (S l) - x l) - ln (mean a n))) <= layer_cost a p x l.
Proof.
  unfold layer_cost. rewrite <- (exp_ln (a l)) at 2 by auto. rewrite <- exp_plus.
  rewrite <- (exp_ln (mean a n)) at 1 by (unfold mean; apply exp_pos). apply exp_above_tangent.
Qed.

Lemma layer_sum x : x 0%nat = 0 -> x n = 0 ->
  sum (fun l => mean a n * (1 + (ln (a l) + p * (x (S l) - x l) - ln (mean a n)))) (seq 0 n) = INR n * mean a n.
Proof.
  intros X0 Xn. rewrite sum_scale.
  rewrite (sum_ext _ (fun l => ((1 - ln (mean a n)) + ln (a l)) + p * (x (S l) - x l))) by (intros; ring).
  rewrite !sum_plus, sum_constant, sum_scale, telescope, X0, Xn, <- ln_mean. ring.
Qed.

(** ... and no admissible scales have a lower cost ... *)
Theorem tied_layers_minimum x : x 0%nat = 0 -> x n = 0 ->
  INR n * mean a n <= sum (layer_cost a p x) (seq 0 n).
Proof. intros X0 Xn. rewrite <- (layer_sum x) by auto. apply sum_le. intros; apply layer_above. Qed.

(** ... nor the same cost, unless all layer costs equal the geometric mean. *)
Theorem tied_layers_unique x : x 0%nat = 0 -> x n = 0 -> sum (layer_cost a p x) (seq 0 n) = INR n * mean a n ->
  forall l, (l < n)%nat -> layer_cost a p x l = mean a n.
Proof.
  intros X0 Xn E l L.
  assert (I : In l (seq 0 n)) by (apply in_seq; auto with arith).
  pose proof (layer_sum x X0 Xn) as Y. rewrite <- E in Y.
  assert (Q : layer_cost a p x l - mean a n * (1 + (ln (a l) + p * (x (S l) - x l) - ln (mean a n))) = 0).
  { apply (sum_nonneg_null (fun l => layer_cost a p x l -
      mean a n * (1 + (ln (a l) + p * (x (S l) - x l) - ln (mean a n)))) (seq 0 n)); auto.
    - intros k _. pose proof (layer_above x k). lra.
    - rewrite sum_minus. lra. }
  destruct (Req_dec (ln (mean a n)) (ln (a l) + p * (x (S l) - x l))) as [D|D].
  - rewrite <- D in Q. replace (1 + (ln (mean a n) - ln (mean a n))) with 1 in Q by ring. lra.
  - exfalso. pose proof (exp_above_tangent_strict _ _ D) as K. rewrite exp_plus, !exp_ln in K
      by (auto; unfold mean; apply exp_pos). unfold layer_cost in Q. lra.
Qed.
End Tied.
