(** Weak duality without logarithms, costs with different exponents, any linear forms.

    [gap_bound_any_forms]  nothing but finite sums: costs c_k > 0 become c_k exp(u_k), and a flow f >= 0 has sum f u = 0.
                           The program's problems are of this kind, with u_k = p_k (L_k(y) - L_k(x)) for any linear forms
                           L_k: sums of log-scales as in gated units included.
    [mixed_power p]        the weight of connection e costs penalty |w|^(p e): an exponent for every connection. A cost of
                           several powers, as the elastic net's, is that of parallel connections of the same weight. *)
From Coq Require Import Reals Psatz List.
From synbal Require Import Sums Graph Regularizer OneUnit PowerStep Certificates.
Open Scope R_scope.

Theorem gap_bound_any_forms {T} (l : list T) (c u f : T -> R) :
  (forall k, In k l -> 0 < c k) -> (forall k, In k l -> 0 <= f k) -> sum (fun k => f k * u k) l = 0 ->
  sum c l - sum (fun k => c k * exp (u k)) l <= sum (fun k => (f k - c k) * (f k - c k) / c k) l.
Proof.
  intros C P O. rewrite <- sum_minus.
  apply Rle_trans with (sum (fun k => (f k - c k) * (f k - c k) / c k - f k * u k) l).
  - apply sum_le. intros k I. pose proof (gap_term (c k) (f k) (u k) (C k I) (P k I)). lra.
  - rewrite sum_minus, O. lra.
Qed.

Definition mixed_power (p : connection -> posreal) : regularizer :=
  Regularizer (fun e => power_cost (p e) e) (fun e => power_slope (p e) e) (fun e => power_slope_derivative (p e) e)
    (fun e => power_slope_increasing (p e) e) (fun e => exp_scaled_continuous (amplitude (p e) e) (p e)).

(** On graphs: where p f is conserved at every free unit, f bounds how far x is above any other point, the minimum included. *)
Theorem gap_bound_mixed (p : connection -> posreal) g f x y : grounded g x -> grounded g y ->
  (forall e, In e (connections g) -> 0 <= f e) ->
  (forall i, free g i = true -> divergence g (fun e => p e * f e) i = 0) ->
  let c e := power_cost (p e) e (exponent g x e) in
  total g (mixed_power p) x - total g (mixed_power p) y <= sum (fun e => (f e - c e) * (f e - c e) / c e) (connections g).
Proof.
  intros gx gy P D c. set (u := fun e => p e * exponent g (fun i => y i - x i) e).
  assert (E : total g (mixed_power p) y = sum (fun e => c e * exp (u e)) (connections g)).
  { apply sum_ext. intros e _. simpl. unfold c, u. rewrite !power_cost_exp, Rmult_assoc, <- exp_plus, exponent_minus.
    f_equal. f_equal. ring. }
  rewrite E. apply gap_bound_any_forms; auto; [intros; apply power_cost_pos|].
  rewrite (sum_ext _ (fun e => p e * f e * exponent g (fun i => y i - x i) e)) by (intros; unfold u; ring).
  rewrite by_parts. apply sum_null. intros i _. destruct (free g i) eqn:F.
  - rewrite D by auto. ring.
  - rewrite gx, gy by auto. ring.
Qed.
