(** Circulations: log-multipliers at which the slopes balance. Where there is one, a bound on the total cost bounds every
    exponent; where there is a minimum, a cost near it means weights near the balanced ones. Any degree, any strictly convex
    cost, any graph.

    [circulation g r t]   t gives a log-multiplier to every connection, which need not come from scales; the slopes of the
                          costs there balance: into every free unit enters c_i times what leaves it. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity Tangent.
Open Scope R_scope.

Definition circulation g r (t : connection -> R) :=
  forall i, free g i = true -> divergence g (fun e => slope r e (t e)) i = 0.

(** The difference of total costs, by the tangent at x *)
Lemma total_difference g r x y : total g r y - total g r x =
  sum (fun i => (y i - x i) * residual g r x i) (units g) +
  sum (fun e => above_tangent r e (exponent g x e) (exponent g y e)) (connections g).
Proof.
  unfold residual. rewrite <- (by_parts g _ (fun i => y i - x i)). unfold total.
  rewrite <- sum_minus, <- sum_plus. apply sum_ext. intros e _. rewrite exponent_minus. unfold above_tangent. ring.
Qed.

(** The total cost is a constant plus what the costs lie above their tangents at a circulation. *)
Lemma total_from_circulation g r t x : circulation g r t -> grounded g x -> total g r x =
  sum (fun e => cost r e (t e) - slope r e (t e) * t e) (connections g) +
  sum (fun e => above_tangent r e (t e) (exponent g x e)) (connections g).
Proof.
  intros C G.
  assert (Z : sum (fun e => slope r e (t e) * exponent g x e) (connections g) = 0).
  { rewrite by_parts. apply sum_null. intros i _. destruct (free g i) eqn:F.
    - rewrite C by auto. ring.
    - rewrite G by auto. ring. }
  rewrite <- (Rplus_0_r (_ + _)), <- Z, <- !sum_plus. apply sum_ext. intros e _. unfold above_tangent. ring.
Qed.

(** So a bound on the cost bounds every exponent. *)
Lemma circulation_bounds_exponents g r t F : circulation g r t -> exists M, 0 <= M /\
  forall x, grounded g x -> total g r x <= F -> forall e, In e (connections g) -> Rabs (exponent g x e) <= M.
Proof.
  intro Ci.
  destruct (common_positive (fun e d => forall u, d * (Rabs (u - t e) - 1) <= above_tangent r e (t e) u)
    (connections g)) as [d [Pd H]].
  { intros e d d' K L u. specialize (K u). pose proof (above_tangent_nonneg r e (t e) u).
    destruct (Rle_dec 0 (Rabs (u - t e) - 1)); nra. }
  { intros e _. destruct (above_tangent_coercive r e (t e)) as [d H]. exists d. exact H. }
  destruct (common_bound (fun e => Rabs (t e)) (connections g)) as [b [Pb B]].
  set (low := sum (fun e => cost r e (t e) - slope r e (t e) * t e) (connections g)).
  set (D := Rmax 0 (F - low)). assert (0 <= D) by apply Rmax_l. assert (F - low <= D) by apply Rmax_r.
  assert (0 <= D / d) by (unfold Rdiv; apply Rmult_le_pos; [auto|left; now apply Rinv_0_lt_compat]).
  exists (b + 1 + D / d). split; [lra|].
  intros x G L e I. pose proof (total_from_circulation g r t x Ci G) as E. fold low in E.
  pose proof (sum_member (fun e => above_tangent r e (t e) (exponent g x e)) (connections g) e
    ltac:(intros; apply above_tangent_nonneg) I) as S. cbv beta in S.
  specialize (H e I (exponent g x e)). specialize (B e I).
  assert (Rabs (exponent g x e - t e) - 1 <= D / d).
  { apply Rmult_le_reg_l with d; [auto|]. replace (d * (D / d)) with D by (field; lra). lra. }
  replace (exponent g x e) with (exponent g x e - t e + t e) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** ** The exponents of a minimum are a circulation. *)
Lemma minimum_circulation g r V : minimum g r V -> circulation g r (exponent g V).
Proof. intros M i F. now apply minimum_is_balanced in M; apply M. Qed.

Lemma cost_bounds_exponents g r V F : minimum g r V -> exists M, 0 <= M /\
  forall x, grounded g x -> total g r x <= F -> forall e, In e (connections g) -> Rabs (exponent g x e) <= M.
Proof. intro M. apply (circulation_bounds_exponents g r (exponent g V)). now apply minimum_circulation. Qed.

Lemma total_minus_minimum g r V x : minimum g r V -> grounded g x ->
  total g r x - total g r V = sum (fun e => above_tangent r e (exponent g V e) (exponent g x e)) (connections g).
Proof.
  intros M G. rewrite total_difference, stationary_term; auto; [ring|apply M|now apply minimum_is_balanced].
Qed.

(** Points whose cost is near the minimum have exponents near those of the minimum. *)
Theorem near_minimum g r V eps : minimum g r V -> 0 < eps -> exists d, 0 < d /\
  forall x, grounded g x -> total g r x < total g r V + d ->
  forall e, In e (connections g) -> Rabs (exponent g x e - exponent g V e) < eps.
Proof.
  intros Mi P. destruct (cost_bounds_exponents g r V (total g r V + 1) Mi) as [M [PM B]].
  destruct (common_positive (fun e d => forall s t, Rabs s <= M -> Rabs t <= M -> eps <= Rabs (t - s) ->
    d <= above_tangent r e s t) (connections g)) as [d [Pd H]].
  { intros e d d' K L s t Bs Bt D. specialize (K s t Bs Bt D). lra. }
  { intros e _. now apply above_tangent_rises. }
  exists (Rmin 1 d). split; [apply Rmin_pos; lra|]. intros x G L e I.
  pose proof (Rmin_l 1 d). pose proof (Rmin_r 1 d).
  apply Rnot_le_lt. intro C.
  pose proof (total_minus_minimum g r V x Mi G) as E.
  pose proof (sum_member (fun e => above_tangent r e (exponent g V e) (exponent g x e)) (connections g) e
    ltac:(intros; apply above_tangent_nonneg) I) as S. cbv beta in S.
  enough (d <= above_tangent r e (exponent g V e) (exponent g x e)) by lra.
  apply H; auto.
  - apply B; auto; [apply Mi|lra].
  - apply B; auto. lra.
Qed.
