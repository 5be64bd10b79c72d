(** L_p, degree 1: an error bound from residual and curvature. At an approximate answer x and for a vector z > 0 of
    tolerances one test of finite sums at x proves that the balanced weights exist, are unique and lie within z of x.

    [cost_at p g x e]   the cost of connection e at x.
    [rise p g x z i]    the Laplacian of the costs at x applied to z: how fast inflow - outflow of unit i changes along z,
                        divided by p.
    [curvature p g x z i]   the sum of cost times the square of the exponent of z, over the connections at i. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity Comparison OneUnit PowerStep Certificates Between.
Open Scope R_scope.

Definition cost_at p g x e := power_cost p e (exponent g x e).
Definition rise p g x z i := divergence g (fun e => cost_at p g x e * exponent g z e) i.
Definition curvature p g x z i :=
  into (fun e => cost_at p g x e * (exponent g z e * exponent g z e)) (connections g) i +
  out_of (fun e => cost_at p g x e * (exponent g z e * exponent g z e)) (connections g) i.

Lemma Rabs_between a b : Rabs a <= b -> - b <= a <= b.
Proof. unfold Rabs. destruct Rcase_abs; lra. Qed.

Lemma exp_second_order t : Rabs t <= 1 / 3 -> Rabs (exp t - 1 - t) <= t * t.
Proof.
  intro B. apply Rabs_between in B.
  pose proof (exp_ineq1_le t) as L. rewrite Rabs_right by lra.
  pose proof (exp_ineq1_le (- (t / 2))) as K. rewrite exp_Ropp in K. pose proof (exp_pos (t / 2)) as P.
  assert (E : exp t = exp (t / 2) * exp (t / 2)) by (rewrite <- exp_plus; f_equal; field).
  set (h := exp (t / 2)) in *.
  assert (Q : h * (1 - t / 2) <= 1).
  { apply Rle_trans with (h * / h); [apply Rmult_le_compat_l; lra|right; field; lra]. }
  assert (S : (h * (1 - t / 2)) * (h * (1 - t / 2)) <= 1).
  { assert (0 < h * (1 - t / 2)) by (apply Rmult_lt_0_compat; lra). nra. }
  assert (M : 1 <= (1 + t + t * t) * ((1 - t / 2) * (1 - t / 2))).
  { replace ((1 + t + t * t) * ((1 - t / 2) * (1 - t / 2))) with (1 + (t * t) / 4 * (1 - 3 * t + t * t)) by field.
    assert (0 <= t * t) by nra. assert (0 <= 1 - 3 * t + t * t) by nra. nra. }
  assert (W : 0 < (1 - t / 2) * (1 - t / 2)) by nra.
  enough (h * h <= 1 + t + t * t) by lra.
  apply Rmult_le_reg_r with ((1 - t / 2) * (1 - t / 2)); [auto|]. nra.
Qed.

Section Bound.
Variables (p : posreal) (g : graph) (x z : point).
Hypotheses (linear : linear_degree g) (x_grounded : grounded g x) (z_grounded : grounded g z).
Hypothesis small : forall e, In e (connections g) -> Rabs (p * exponent g z e) <= 1 / 3.

(** The residual at x + s z, s = 1 or -1, to second order *)
Lemma residual_expansion s i : s = 1 \/ s = -1 ->
  Rabs (residual g (power p) (fun j => x j + s * z j) i
        - p * (inflow p g x i - outflow p g x i + s * p * rise p g x z i)) <= p * (p * p * curvature p g x z i).
Proof.
  intro S. pose proof (cond_pos p) as P.
  set (k := fun e => (if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then 1 else 0)).
  set (k' := fun e => (if Nat.eqb (head e) i then 1 else 0) + (if Nat.eqb (tail e) i then 1 else 0)).
  set (u := exponent g z). set (c := cost_at p g x).
  assert (R : forall y, residual g (power p) y i = p * sum (fun e => power_cost p e (exponent g y e) * k e) (connections g)).
  { intro y. unfold residual. rewrite divergence_sum, <- sum_scale. apply sum_ext. intros e _. simpl.
    unfold power_slope, k. rewrite power_cost_exp, linear. ring. }
  assert (F : inflow p g x i - outflow p g x i = sum (fun e => c e * k e) (connections g)).
  { apply Rmult_eq_reg_l with p; [|lra]. unfold c, cost_at. rewrite <- R, residual_power, linear. ring. }
  assert (L : rise p g x z i = sum (fun e => c e * u e * k e) (connections g)).
  { unfold rise. rewrite divergence_sum. apply sum_ext. intros e _. unfold k. rewrite linear. reflexivity. }
  assert (Q : curvature p g x z i = sum (fun e => c e * (u e * u e) * k' e) (connections g)).
  { unfold curvature, into, out_of. rewrite <- sum_plus. apply sum_ext. intros e _. unfold k', c, u.
    do 2 destruct Nat.eqb; ring. }
  rewrite R, F, L, Q.
  assert (T : sum (fun e => power_cost p e (exponent g (fun j => x j + s * z j) e) * k e) (connections g) -
     (sum (fun e => c e * k e) (connections g) + s * p * sum (fun e => c e * u e * k e) (connections g)) =
     sum (fun e => c e * (exp (s * (p * u e)) - 1 - s * (p * u e)) * k e) (connections g)).
  { rewrite <- sum_scale, <- sum_plus, <- sum_minus. apply sum_ext. intros e _.
    unfold c, cost_at. rewrite exponent_line, !power_cost_exp. fold u.
    replace (p * (exponent g x e + s * u e)) with (p * exponent g x e + s * (p * u e)) by ring.
    rewrite exp_plus. ring. }
  rewrite <- Rmult_minus_distr_l, T, Rabs_mult, (Rabs_right p) by lra. apply Rmult_le_compat_l; [lra|].
  rewrite <- sum_scale.
  assert (A : forall l, Rabs (sum (fun e => c e * (exp (s * (p * u e)) - 1 - s * (p * u e)) * k e) l) <=
    sum (fun e => Rabs (c e * (exp (s * (p * u e)) - 1 - s * (p * u e)) * k e)) l).
  { induction l as [|e l IH]; simpl; [rewrite Rabs_R0; lra|]. eapply Rle_trans; [apply Rabs_triang|]. lra. }
  eapply Rle_trans; [apply A|]. apply sum_le. intros e I.
  assert (C : 0 < c e) by apply power_cost_pos.
  assert (B : Rabs (s * (p * u e)) <= 1 / 3).
  { rewrite Rabs_mult. replace (Rabs s) with 1; [rewrite Rmult_1_l; now apply small|].
    destruct S as [-> | ->]; unfold Rabs; destruct Rcase_abs; lra. }
  apply exp_second_order in B.
  replace (s * (p * u e) * (s * (p * u e))) with (p * u e * (p * u e)) in B by (destruct S as [-> | ->]; ring).
  assert (K : Rabs (k e) <= k' e).
  { unfold k, k'. do 2 destruct Nat.eqb; unfold Rabs; destruct Rcase_abs; lra. }
  rewrite !Rabs_mult, (Rabs_right (c e)) by lra.
  replace (p * p * (c e * (u e * u e) * k' e)) with (c e * (p * u e * (p * u e)) * k' e) by ring.
  apply Rmult_le_compat; auto using Rabs_pos.
  - apply Rmult_le_pos; [lra|apply Rabs_pos].
  - apply Rmult_le_compat_l; lra.
Qed.

(** The test: residual and second-order terms together stay below the rise along z. *)
Theorem error_bound_from_residual :
  (forall i, free g i = true ->
     Rabs (inflow p g x i - outflow p g x i) + p * p * curvature p g x z i < p * rise p g x z i) ->
  exists V, minimum g (power p) V /\ (forall y, minimum g (power p) y -> forall i, y i = V i) /\
    (forall i, Rabs (V i - x i) <= z i) /\
    forall e, Rabs (rescaled_weight g x e) * exp (- (z (head e) + z (tail e))) <= Rabs (rescaled_weight g V e)
      <= Rabs (rescaled_weight g x e) * exp (z (head e) + z (tail e)).
Proof.
  intro H. pose proof (cond_pos p) as P.
  destruct (strict_enclosure g (power p) (fun i => x i + (-1) * z i) (fun i => x i + 1 * z i)) as [V [M [B U]]].
  - intros i F. rewrite x_grounded, z_grounded by auto. ring.
  - intros i F. rewrite x_grounded, z_grounded by auto. ring.
  - intros i F. specialize (H i F). pose proof (residual_expansion (-1) i ltac:(now right)) as E.
    apply Rabs_between in E. pose proof (Rle_abs (inflow p g x i - outflow p g x i)).
    assert (p * (inflow p g x i - outflow p g x i + -1 * p * rise p g x z i + p * p * curvature p g x z i) < p * 0).
    { apply Rmult_lt_compat_l; lra. }
    lra.
  - intros i F. specialize (H i F). pose proof (residual_expansion 1 i ltac:(now left)) as E.
    apply Rabs_between in E. pose proof (Rle_abs (- (inflow p g x i - outflow p g x i))) as N. rewrite Rabs_Ropp in N.
    assert (p * 0 < p * (inflow p g x i - outflow p g x i + 1 * p * rise p g x z i - p * p * curvature p g x z i)).
    { apply Rmult_lt_compat_l; lra. }
    lra.
  - exists V. split; [exact M|]. split; [exact U|]. split.
    + intro i. specialize (B i). apply Rabs_le. lra.
    + intro e. unfold rescaled_weight. rewrite !Rabs_mult, !(Rabs_right (exp (exponent _ _ _))) by (left; apply exp_pos).
      pose proof (B (head e)). pose proof (B (tail e)).
      split; rewrite Rmult_assoc, <- exp_plus; apply Rmult_le_compat_l; try apply Rabs_pos; apply exp_le;
        unfold exponent; rewrite !linear; lra.
Qed.
End Bound.
