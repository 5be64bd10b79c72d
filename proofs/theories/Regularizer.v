(** The cost of a weight as a convex function of its log-scale.

    [regularizer]    for every connection e the [cost] of its weight after multiplication by exp(t), as a function of t,
                     with its derivative [slope], which is continuous and strictly increasing. So every cost is
                     strictly convex.
    [total g r x]    the cost F(x) of the network rescaled by x.
    [residual g r x i]  the derivative of F in x_i: slopes into i minus c_i times the slopes out of i.
    [balanced g r x] the residual vanishes at every free unit.
    [minimum g r x]  no grounded point has a lower total cost than the grounded point x.
    [power p]        L_p: the weight w costs penalty |w|^p. [amplitude p e] = penalty |w|^p.
    [elastic_net a b]   the weight w costs penalty (a |w| + b w^2). *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph.
Open Scope R_scope.

Record regularizer := Regularizer {
  cost : connection -> R -> R;
  slope : connection -> R -> R;
  slope_is_derivative : forall e t, derivable_pt_lim (cost e) t (slope e t);
  slope_increasing : forall e s t, s < t -> slope e s < slope e t;
  slope_continuous : forall e, continuity (slope e) }.

Definition total g r x := sum (fun e => cost r e (exponent g x e)) (connections g).
Definition residual g r x i := divergence g (fun e => slope r e (exponent g x e)) i.
Definition balanced g r x := forall i, free g i = true -> residual g r x i = 0.
Definition minimum g r x := grounded g x /\ forall y, grounded g y -> total g r x <= total g r y.

Lemma cost_above_tangent_strict r e s t : s <> t -> cost r e s + slope r e s * (t - s) < cost r e t.
Proof.
  intro D. destruct (Rtotal_order s t) as [L|[L|L]]; [|tauto|].
  - destruct (MVT_cor2 (cost r e) (slope r e) s t L ltac:(intros; apply slope_is_derivative)) as [c [E [C1 C2]]].
    pose proof (slope_increasing r e s c C1). nra.
  - destruct (MVT_cor2 (cost r e) (slope r e) t s L ltac:(intros; apply slope_is_derivative)) as [c [E [C1 C2]]].
    pose proof (slope_increasing r e c s C2). nra.
Qed.

Lemma cost_above_tangent r e s t : cost r e s + slope r e s * (t - s) <= cost r e t.
Proof.
  destruct (Req_dec s t) as [->|D]; [lra|]. left. now apply cost_above_tangent_strict.
Qed.

Lemma slope_le r e s t : s <= t -> slope r e s <= slope r e t.
Proof. intros [L| ->]; [left; now apply slope_increasing|lra]. Qed.

(** ** Powers *)
Definition amplitude (p : R) (e : connection) := penalty e * Rpower (Rabs (weight e)) p.

Lemma amplitude_pos p e : 0 < amplitude p e.
Proof. apply Rmult_lt_0_compat; [apply cond_pos|]. unfold Rpower. apply exp_pos. Qed.

(** The penalty times the p-th power of the rescaled weight *)
Definition power_cost p e t := penalty e * Rpower (Rabs (weight e * exp t)) p.
Definition power_slope p e t := p * (amplitude p e * exp (p * t)).

Lemma power_cost_exp p e t : power_cost p e t = amplitude p e * exp (p * t).
Proof.
  unfold power_cost, amplitude. rewrite Rabs_mult, (Rabs_right (exp t)) by (left; apply exp_pos).
  unfold Rpower. rewrite ln_mult, ln_exp by (try apply Rabs_pos_lt; auto using nonzero, exp_pos).
  rewrite Rmult_plus_distr_l, exp_plus. ring.
Qed.

Lemma exp_scaled_derivative a p t : derivable_pt_lim (fun s => a * exp (p * s)) t (p * (a * exp (p * t))).
Proof.
  replace (p * (a * exp (p * t))) with (a * (exp (p * t) * (p * 1))) by ring.
  apply (derivable_pt_lim_scal (fun s => exp (p * s))).
  apply (derivable_pt_lim_comp (fun s => p * s) exp); [|apply derivable_pt_lim_exp].
  apply (derivable_pt_lim_scal id), derivable_pt_lim_id.
Qed.

Lemma derivable_ext f f' t l : (forall s, f s = f' s) -> derivable_pt_lim f t l -> derivable_pt_lim f' t l.
Proof. intros H D eps P. destruct (D eps P) as [d K]. exists d. intros h. rewrite <- !H. apply K. Qed.

Lemma power_slope_derivative p e t : derivable_pt_lim (power_cost p e) t (power_slope p e t).
Proof.
  apply (derivable_ext (fun s => amplitude p e * exp (p * s))).
  - intro s. now rewrite power_cost_exp.
  - apply exp_scaled_derivative.
Qed.

Lemma exp_scaled_increasing a p s t : 0 < a -> 0 < p -> s < t -> p * (a * exp (p * s)) < p * (a * exp (p * t)).
Proof.
  intros A P L. apply Rmult_lt_compat_l; [auto|]. apply Rmult_lt_compat_l; [auto|].
  apply exp_increasing. nra.
Qed.

Lemma exp_scaled_continuous a p : continuity (fun t => p * (a * exp (p * t))).
Proof.
  intro t. apply derivable_continuous_pt. exists (p * (p * (a * exp (p * t)))).
  apply (derivable_pt_lim_scal (fun t => a * exp (p * t))), exp_scaled_derivative.
Qed.

Lemma power_slope_increasing (p : posreal) e s t : s < t -> power_slope p e s < power_slope p e t.
Proof. apply exp_scaled_increasing; [apply amplitude_pos|apply cond_pos]. Qed.

Definition power (p : posreal) : regularizer :=
  Regularizer (power_cost p) (power_slope p) (power_slope_derivative p) (power_slope_increasing p)
    (fun e => exp_scaled_continuous (amplitude p e) p).

(** ** The elastic net *)
Definition elastic_cost (a b : R) e t :=
  penalty e * (a * Rabs (weight e * exp t) + b * (weight e * exp t) * (weight e * exp t)).
Definition elastic_slope (a b : R) e t :=
  1 * (penalty e * a * Rabs (weight e) * exp (1 * t)) + 2 * (penalty e * b * (weight e * weight e) * exp (2 * t)).

Lemma elastic_cost_exp a b e t : elastic_cost a b e t =
  penalty e * a * Rabs (weight e) * exp (1 * t) + penalty e * b * (weight e * weight e) * exp (2 * t).
Proof.
  unfold elastic_cost. rewrite Rabs_mult, (Rabs_right (exp t)) by (left; apply exp_pos).
  replace (2 * t) with (t + t) by ring. rewrite exp_plus, Rmult_1_l. ring.
Qed.

Lemma elastic_slope_derivative a b e t : derivable_pt_lim (elastic_cost a b e) t (elastic_slope a b e t).
Proof.
  eapply derivable_ext; [intro s; symmetry; apply elastic_cost_exp|].
  apply (derivable_pt_lim_plus (fun s => _ * exp (1 * s)) (fun s => _ * exp (2 * s))); apply exp_scaled_derivative.
Qed.

Lemma elastic_slope_increasing (a b : posreal) e s t : s < t -> elastic_slope a b e s < elastic_slope a b e t.
Proof.
  intro L. pose proof (cond_pos (penalty e)). pose proof (cond_pos a). pose proof (cond_pos b).
  pose proof (Rabs_pos_lt _ (nonzero e)). pose proof (Rlt_0_sqr _ (nonzero e)) as W. unfold Rsqr in W.
  apply Rplus_lt_compat; apply exp_scaled_increasing; try lra; auto using Rmult_lt_0_compat.
Qed.

Lemma elastic_slope_continuous a b e : continuity (elastic_slope a b e).
Proof.
  apply (continuity_plus (fun t => 1 * (_ * exp (1 * t))) (fun t => 2 * (_ * exp (2 * t))));
    apply exp_scaled_continuous.
Qed.

Definition elastic_net (a b : posreal) : regularizer :=
  Regularizer (elastic_cost a b) (elastic_slope a b) (elastic_slope_derivative a b) (elastic_slope_increasing a b)
    (elastic_slope_continuous a b).
