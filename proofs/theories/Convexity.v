(** Balanced = stationary = global minimum, and the balanced weights are unique.

    For every graph, every degree and every regularizer (strictly convex costs in the log-scales). *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer.
Open Scope R_scope.

(** The cost lies above its tangent planes. *)
Theorem total_above_tangent g r x y :
  total g r x + sum (fun i => (y i - x i) * residual g r x i) (units g) <= total g r y.
Proof.
  unfold residual. rewrite <- (by_parts g _ (fun i => y i - x i)). unfold total. rewrite <- sum_plus.
  apply sum_le. intros e _. rewrite exponent_minus. apply cost_above_tangent.
Qed.

(** Strictly, where some exponent differs. *)
Lemma total_above_tangent_strict g r x y :
  (exists e, In e (connections g) /\ exponent g x e <> exponent g y e) ->
  total g r x + sum (fun i => (y i - x i) * residual g r x i) (units g) < total g r y.
Proof.
  intros [e [I D]].
  unfold residual. rewrite <- (by_parts g _ (fun i => y i - x i)). unfold total. rewrite <- sum_plus.
  apply sum_lt.
  - intros e' _. rewrite exponent_minus. apply cost_above_tangent.
  - exists e. split; auto. rewrite exponent_minus. now apply cost_above_tangent_strict.
Qed.

(** Strict convexity on the manifold: between two points that give some connection different multipliers the cost lies
    strictly below the chord. *)
Theorem total_strictly_convex g r x y t : 0 < t < 1 ->
  (exists e, In e (connections g) /\ exponent g x e <> exponent g y e) ->
  total g r (fun i => x i + t * (y i - x i)) < (1 - t) * total g r x + t * total g r y.
Proof.
  intros T [e [I D]]. set (z := fun i => x i + t * (y i - x i)).
  assert (Ez : exponent g z e = exponent g x e + t * (exponent g y e - exponent g x e)) by (unfold exponent, z; ring).
  assert (Dx : exponent g z e <> exponent g x e) by (rewrite Ez; intro Q; apply D; nra).
  assert (Dy : exponent g z e <> exponent g y e) by (rewrite Ez; intro Q; apply D; nra).
  pose proof (total_above_tangent_strict g r z x ltac:(exists e; auto)) as A.
  pose proof (total_above_tangent_strict g r z y ltac:(exists e; auto)) as B.
  assert (Z : (1 - t) * sum (fun i => (x i - z i) * residual g r z i) (units g) +
    t * sum (fun i => (y i - z i) * residual g r z i) (units g) = 0).
  { rewrite <- !sum_scale, <- sum_plus. apply sum_null. intros i _. unfold z. ring. }
  nra.
Qed.

Lemma stationary_term g r x y : grounded g x -> grounded g y -> balanced g r x ->
  sum (fun i => (y i - x i) * residual g r x i) (units g) = 0.
Proof.
  intros gx gy B. apply sum_null. intros i _. destruct (free g i) eqn:E.
  - rewrite B by auto. ring.
  - rewrite gx, gy by auto. ring.
Qed.

Lemma balanced_is_minimum g r x : grounded g x -> balanced g r x -> minimum g r x.
Proof.
  intros gx B. split; auto. intros y gy. pose proof (total_above_tangent g r x y) as T.
  rewrite stationary_term in T by auto. lra.
Qed.

Lemma affine_derivative a b s : derivable_pt_lim (fun t => a + t * b) s b.
Proof.
  intros eps P. exists (mkposreal 1 Rlt_0_1). intros h N _.
  replace ((a + (s + h) * b - (a + s * b)) / h - b) with 0 by (now field). now rewrite Rabs_R0.
Qed.

(** The derivative of the total cost along a direction h *)
Lemma total_derivative g r x h :
  derivable_pt_lim (fun t => total g r (fun i => x i + t * h i)) 0
    (sum (fun e => slope r e (exponent g x e) * exponent g h e) (connections g)).
Proof.
  unfold total.
  pose proof (sum_derivative (fun e t => cost r e (exponent g (fun i => x i + t * h i) e))
    (fun e t => slope r e (exponent g x e + t * exponent g h e) * exponent g h e) (connections g) 0) as S.
  cbv beta in S. rewrite (sum_ext (fun e => slope r e (exponent g x e + 0 * exponent g h e) * exponent g h e)
     (fun e => slope r e (exponent g x e) * exponent g h e)) in S
    by (intros; f_equal; f_equal; ring).
  apply S. intros e _.
  apply (derivable_ext (fun t => cost r e (exponent g x e + t * exponent g h e))).
  { intro t. now rewrite exponent_line. }
  apply (derivable_pt_lim_comp (fun t => exponent g x e + t * exponent g h e) (cost r e)).
  - apply affine_derivative.
  - apply slope_is_derivative.
Qed.

Lemma derivative_at_minimum f l : derivable_pt_lim f 0 l -> (forall t, f 0 <= f t) -> l = 0.
Proof.
  intros D M. pose (pr := exist _ l D : derivable_pt f 0).
  change l with (derive_pt f 0 pr). apply (deriv_minimum f (-1) 1 0 pr); [lra|lra|auto].
Qed.

Lemma minimum_is_balanced g r x : minimum g r x -> balanced g r x.
Proof.
  intros [gx M] i Hi.
  set (h := set (fun _ => 0) i 1).
  assert (gh : grounded g h) by (intros j Hj; unfold h; rewrite set_other by congruence; reflexivity).
  pose proof (total_derivative g r x h) as D.
  apply derivative_at_minimum in D.
  - unfold residual. rewrite divergence_sum. etransitivity; [|exact D]. apply sum_ext. intros e _.
    apply Rmult_eq_compat_l. unfold exponent, h, set.
    destruct (Nat.eqb_spec (tail e) i) as [->|]; destruct Nat.eqb; ring.
  - intro t. apply Rle_trans with (total g r x); [right; unfold total; apply sum_ext; intros e _; apply (f_equal (cost r e)); unfold exponent; ring|].
    apply M. intros j Hj. now rewrite gx, gh, Rmult_0_r, Rplus_0_r.
Qed.

Theorem balanced_iff_minimum g r x : grounded g x -> (balanced g r x <-> minimum g r x).
Proof. split; [now apply balanced_is_minimum|apply minimum_is_balanced]. Qed.

(** All minimizers give every connection the same weight, whether the graph is grounded or not. *)
Theorem balanced_weights_unique g r x y : minimum g r x -> minimum g r y ->
  forall e, In e (connections g) -> rescaled_weight g x e = rescaled_weight g y e.
Proof.
  intros Mx My e I. unfold rescaled_weight.
  destruct (Req_dec (exponent g x e) (exponent g y e)) as [->|D]; auto. exfalso.
  pose proof (total_above_tangent_strict g r x y (ex_intro _ e (conj I D))) as T.
  rewrite stationary_term in T; try apply Mx; try apply My; [|now apply minimum_is_balanced].
  pose proof (proj2 My x (proj1 Mx)). lra.
Qed.

Lemma exponents_unique g r x y : minimum g r x -> minimum g r y ->
  forall e, In e (connections g) -> exponent g x e = exponent g y e.
Proof.
  intros Mx My e I. pose proof (balanced_weights_unique g r x y Mx My e I) as E.
  unfold rescaled_weight in E. apply Rmult_eq_reg_l in E; [now apply exp_inv|apply nonzero].
Qed.

(** The log-scales themselves are unique exactly when the graph is anchored. *)
Theorem log_scales_unique_iff_anchored g r x : minimum g r x ->
  ((forall y, minimum g r y -> forall i, y i = x i) <-> anchored g).
Proof.
  intro M. split.
  - intros U h gh Z i.
    assert (K : minimum g r (fun i => x i + h i)).
    { assert (E : total g r (fun i => x i + h i) = total g r x).
      { apply sum_ext. intros e I. apply (f_equal (cost r e)). specialize (Z e I). unfold exponent in *. lra. }
      split; [intros j Hj; rewrite (proj1 M), gh by auto; ring|].
      intros y gy. rewrite E. now apply M. }
    specialize (U _ K i). lra.
  - intros A y My i. apply Rminus_diag_uniq. apply (A (fun i => y i - x i)).
    + intros j Hj. rewrite (proj1 M), (proj1 My) by auto. ring.
    + intros e I. rewrite exponent_minus, (exponents_unique g r x y) by auto. ring.
Qed.

(** The elastic net is one of the costs above: balanced means that its slopes into every free unit are c_i times those
    out of it, where the slope of a weight w is penalty (a |w| + 2 b w^2) after rescaling. *)
Corollary elastic_net_balanced_iff_minimum (a b : posreal) g x : grounded g x ->
  (minimum g (elastic_net a b) x <-> forall i, free g i = true ->
    let s e := penalty e * (a * Rabs (rescaled_weight g x e)
                            + 2 * b * (rescaled_weight g x e * rescaled_weight g x e)) in
    into s (connections g) i = degree g i * out_of s (connections g) i).
Proof.
  intro G. rewrite <- balanced_iff_minimum by auto.
  assert (E : forall i, residual g (elastic_net a b) x i = divergence g (fun e => penalty e *
     (a * Rabs (rescaled_weight g x e) + 2 * b * (rescaled_weight g x e * rescaled_weight g x e))) i).
  { intro i. apply divergence_ext. intros e _. simpl. unfold elastic_slope, rescaled_weight.
    rewrite Rabs_mult, (Rabs_right (exp _)) by (left; apply exp_pos).
    replace (2 * exponent g x e) with (exponent g x e + exponent g x e) by ring.
    rewrite exp_plus, !Rmult_1_l. ring. }
  split; intros B i F; specialize (B i F).
  - rewrite E in B. unfold divergence in B. cbv zeta. lra.
  - rewrite E. unfold divergence. cbv zeta in B. lra.
Qed.
