(** Certificates: from an enclosure of scales to bounds on weights, and a bound on the gap to the minimum.

    That a sub- and a super-solution enclose the balanced scales is theorem [enclosure] of Comparison.v. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Comparison OneUnit.
Open Scope R_scope.

Lemma exp_le a b : a <= b -> exp a <= exp b.
Proof. intros [L| ->]; [left; now apply exp_increasing|lra]. Qed.

(** Bounds on every weight from bounds on the log-scales *)
Theorem weight_enclosure g lo hi x e : (forall i, lo i <= x i <= hi i) ->
  Rabs (weight e) * exp (lo (head e) - degree g (tail e) * hi (tail e)) <= Rabs (rescaled_weight g x e) <=
  Rabs (weight e) * exp (hi (head e) - degree g (tail e) * lo (tail e)).
Proof.
  intro B. unfold rescaled_weight. rewrite Rabs_mult, (Rabs_right (exp _)) by (left; apply exp_pos).
  pose proof (Rabs_pos (weight e)). pose proof (B (head e)). pose proof (B (tail e)).
  pose proof (cond_pos (degree g (tail e))).
  split; apply Rmult_le_compat_l; auto; apply exp_le; unfold exponent; nra.
Qed.

(** Relative error: the weights at any two points of the enclosure differ by a factor of at most
    exp(width_head + c_tail width_tail). *)
Theorem relative_weight_bound g lo hi x y e :
  (forall i, lo i <= x i <= hi i) -> (forall i, lo i <= y i <= hi i) ->
  Rabs (rescaled_weight g y e) <=
  Rabs (rescaled_weight g x e) * exp ((hi (head e) - lo (head e)) + degree g (tail e) * (hi (tail e) - lo (tail e))).
Proof.
  intros X Y. unfold rescaled_weight. rewrite !Rabs_mult, !(Rabs_right (exp _)) by (left; apply exp_pos).
  rewrite Rmult_assoc, <- exp_plus. apply Rmult_le_compat_l; [apply Rabs_pos|]. apply exp_le. unfold exponent.
  pose proof (X (head e)). pose proof (X (tail e)). pose proof (Y (head e)). pose proof (Y (tail e)).
  pose proof (cond_pos (degree g (tail e))). nra.
Qed.

Lemma gap_term c f u : 0 < c -> 0 <= f -> c - (f - c) * (f - c) / c + f * u <= c * exp u.
Proof.
  intros C [P|<-].
  2:{ pose proof (exp_pos u). replace (c - (0 - c) * (0 - c) / c + 0 * u) with 0 by (field; lra). nra. }
  assert (Q : 0 < f / c) by now apply quotient_pos.
  pose proof (exp_above_tangent (ln (f / c)) u) as T. rewrite exp_ln in T by auto.
  pose proof (exp_ineq1_le (ln (f / c))) as L. rewrite exp_ln in L by auto.
  replace (c - (f - c) * (f - c) / c + f * u) with (c * (f / c * (1 + (u - (f / c - 1))))) by (field; lra).
  apply Rmult_le_compat_l; [lra|]. eapply Rle_trans; [|exact T]. apply Rmult_le_compat_l; lra.
Qed.

(** Weak duality without logarithms, for L_p: a flow f >= 0 that is conserved at every free unit (inflow = c_i outflow)
    bounds how far any point x is above any other, the minimum included. *)
Theorem gap_bound (p : posreal) g f x y : grounded g x -> grounded g y ->
  (forall e, In e (connections g) -> 0 <= f e) -> (forall i, free g i = true -> divergence g f i = 0) ->
  total g (power p) x - total g (power p) y <=
  sum (fun e => (f e - power_cost p e (exponent g x e)) * (f e - power_cost p e (exponent g x e))
                / power_cost p e (exponent g x e)) (connections g).
Proof.
  intros gx gy P D.
  assert (O : sum (fun e => f e * exponent g (fun i => y i - x i) e) (connections g) = 0).
  { rewrite by_parts. apply sum_null. intros i _. destruct (free g i) eqn:E.
    - rewrite D by auto. ring.
    - rewrite gx, gy by auto. ring. }
  unfold total. simpl. rewrite <- sum_minus.
  apply Rle_trans with (sum (fun e =>
    (f e - power_cost p e (exponent g x e)) * (f e - power_cost p e (exponent g x e)) / power_cost p e (exponent g x e)
    - p * (f e * exponent g (fun i => y i - x i) e)) (connections g)).
  - apply sum_le. intros e I.
    assert (C : 0 < power_cost p e (exponent g x e)).
    { rewrite power_cost_exp. apply Rmult_lt_0_compat; [apply amplitude_pos|apply exp_pos]. }
    pose proof (gap_term _ (f e) (p * exponent g (fun i => y i - x i) e) C (P e I)) as T.
    assert (E : power_cost p e (exponent g y e) =
      power_cost p e (exponent g x e) * exp (p * exponent g (fun i => y i - x i) e)).
    { rewrite !power_cost_exp, Rmult_assoc, <- exp_plus, exponent_minus. f_equal. f_equal. ring. }
    rewrite <- E in T. lra.
  - rewrite sum_minus, sum_scale, O. lra.
Qed.

(** Error bound of an approximate answer x: where x - z has residuals <= 0 and x + z has residuals >= 0 at all free units,
    every balanced weight is within a factor exp(z_head + c_tail z_tail) of the weight at x. *)
Theorem error_bound g r x z V e : anchored g -> grounded g x -> grounded g z -> grounded g V -> balanced g r V ->
  sub g r (fun i => x i - z i) -> super g r (fun i => x i + z i) ->
  (forall i, Rabs (V i - x i) <= z i) /\
  Rabs (rescaled_weight g x e) * exp (- (z (head e) + degree g (tail e) * z (tail e))) <= Rabs (rescaled_weight g V e) /\
  Rabs (rescaled_weight g V e) <= Rabs (rescaled_weight g x e) * exp (z (head e) + degree g (tail e) * z (tail e)).
Proof.
  intros A gx gz gV B Sl Sh.
  assert (E : forall i, x i - z i <= V i <= x i + z i).
  { apply (enclosure g r (fun i => x i - z i) (fun i => x i + z i)); auto; intros i F; rewrite gx, gz by auto; ring. }
  split; [intro i; specialize (E i); apply Rabs_le; lra|].
  unfold rescaled_weight. rewrite !Rabs_mult, !(Rabs_right (exp (exponent _ _ _))) by (left; apply exp_pos).
  pose proof (E (head e)). pose proof (E (tail e)). pose proof (cond_pos (degree g (tail e))).
  split; rewrite Rmult_assoc, <- exp_plus; apply Rmult_le_compat_l; try apply Rabs_pos; apply exp_le; unfold exponent; nra.
Qed.
