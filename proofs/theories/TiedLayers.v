(** Tied layers in a network: the chain of layer costs of Tied.v is the total cost of a layered network whose units share one
    log-scale per layer.

    [layered g layer n]   every connection leads from a unit of some layer l < n to one of layer l + 1; inputs have layer 0
                          and outputs layer n, or inputs and biases; [full]: no layer of connections is empty.
    [layer_amplitude p g layer l]   the cost of the connections that leave layer l. *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer OneUnit Tied.
Open Scope R_scope.

Definition layered g (layer : nat -> nat) n :=
  forall e, In e (connections g) -> (layer (tail e) < n)%nat /\ layer (head e) = S (layer (tail e)).
Definition full g (layer : nat -> nat) n :=
  forall l, (l < n)%nat -> exists e, In e (connections g) /\ layer (tail e) = l.
Definition layer_amplitude p g (layer : nat -> nat) l :=
  sum (fun e => if Nat.eqb (layer (tail e)) l then amplitude p e else 0) (connections g).

Section Layers.
Variables (p : posreal) (g : graph) (layer : nat -> nat) (n : nat).
Hypotheses (linear : linear_degree g) (is_layered : layered g layer n).

Theorem total_of_layers x : total g (power p) (fun i => x (layer i)) =
  sum (layer_cost (layer_amplitude p g layer) p x) (seq 0 n).
Proof.
  unfold layer_cost, layer_amplitude.
  rewrite (sum_ext (fun l => _ * exp (p * (x (S l) - x l)))
    (fun l => sum (fun e => if Nat.eqb (layer (tail e)) l then amplitude p e * exp (p * (x (S l) - x l)) else 0)
      (connections g))).
  2:{ intros l _. rewrite (Rmult_comm _ (exp _)), <- sum_scale. apply sum_ext. intros e _. destruct Nat.eqb; ring. }
  rewrite (sum_swap (fun l e => if Nat.eqb (layer (tail e)) l then amplitude p e * exp (p * (x (S l) - x l)) else 0)).
  apply sum_ext. intros e I. destruct (is_layered e I) as [L H].
  rewrite (sum_delta (fun l => amplitude p e * exp (p * (x (S l) - x l)))) by (try apply seq_NoDup; apply in_seq; lia).
  simpl. rewrite power_cost_exp. unfold exponent. rewrite linear, H. do 3 f_equal. ring.
Qed.

(** So the closed form of Tied.v, in which all layers cost the geometric mean, is the minimum among such rescalings. *)
Theorem tied_layers_minimum_of_network : (0 < n)%nat -> full g layer n ->
  let a l := if Nat.ltb l n then layer_amplitude p g layer l else 1 in
  let z := tied_scale a p n in
  (z 0%nat = 0 /\ z n = 0) /\ total g (power p) (fun i => z (layer i)) = INR n * mean a n /\
  forall x, x 0%nat = 0 -> x n = 0 -> total g (power p) (fun i => z (layer i)) <= total g (power p) (fun i => x (layer i)).
Proof.
  intros N F a z. pose proof (cond_pos p) as P.
  assert (Pa : forall l, 0 < a l).
  { intro l. unfold a. destruct (Nat.ltb_spec l n) as [L|]; [|lra]. destruct (F l L) as [e [I E]]. apply sum_pos.
    - intros e' _. destruct Nat.eqb; [left; apply amplitude_pos|lra].
    - exists e. split; auto. rewrite E, Nat.eqb_refl. apply amplitude_pos. }
  assert (T : forall x, total g (power p) (fun i => x (layer i)) = sum (layer_cost a p x) (seq 0 n)).
  { intro x. rewrite total_of_layers. apply sum_ext. intros l I. apply in_seq in I. unfold layer_cost, a.
    destruct (Nat.ltb_spec l n); [reflexivity|lia]. }
  destruct (tied_layers_closed_form a p n Pa P N) as [Z0 [Zn C]]. fold z in Z0, Zn, C.
  assert (V : total g (power p) (fun i => z (layer i)) = INR n * mean a n).
  { rewrite T, (sum_ext _ (fun _ => mean a n)) by (intros; apply C). apply Tied.sum_constant. }
  split; [auto|]. split; [exact V|]. intros x X0 Xn. rewrite V, (T x). now apply tied_layers_minimum.
Qed.
End Layers.
