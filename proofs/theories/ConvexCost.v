(** Costs that are convex and no more: slopes that may stay equal, as those of a cost that is flat somewhere or grows by
    a fixed amount for every factor. Balanced still means global minimum; the balanced weights need not be unique, but their
    slopes are.

    [convex_cost]   for every connection e the [worth] of its weight after multiplication by exp(t), as a function of t, with
                    its derivative [rise], which never falls. Every regularizer is one ([of_regularizer]).
    [whole g k x]   the cost of the network rescaled by x.
    [imbalance g k x i]   its derivative in x_i: the rises into i minus c_i times the rises out of i.
    [even g k x]    the imbalance vanishes at every free unit.
    [least g k x]   no grounded point costs less than the grounded point x. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity.
Open Scope R_scope.

Record convex_cost := ConvexCost {
  worth : connection -> R -> R;
  rise : connection -> R -> R;
  rise_is_derivative : forall e t, derivable_pt_lim (worth e) t (rise e t);
  rise_never_falls : forall e s t, s <= t -> rise e s <= rise e t }.

Definition of_regularizer (r : regularizer) : convex_cost :=
  ConvexCost (cost r) (slope r) (slope_is_derivative r) (slope_le r).

Definition whole g k x := sum (fun e => worth k e (exponent g x e)) (connections g).
Definition imbalance g k x i := divergence g (fun e => rise k e (exponent g x e)) i.
Definition even g k x := forall i, free g i = true -> imbalance g k x i = 0.
Definition least g k x := grounded g x /\ forall y, grounded g y -> whole g k x <= whole g k y.

Lemma worth_above_tangent k e s t : worth k e s + rise k e s * (t - s) <= worth k e t.
Proof.
  destruct (Rtotal_order s t) as [L|[->|L]]; [|lra|].
  - destruct (MVT_cor2 (worth k e) (rise k e) s t L ltac:(intros; apply rise_is_derivative)) as [c [E [C1 C2]]].
    pose proof (rise_never_falls k e s c ltac:(lra)). nra.
  - destruct (MVT_cor2 (worth k e) (rise k e) t s L ltac:(intros; apply rise_is_derivative)) as [c [E [C1 C2]]].
    pose proof (rise_never_falls k e c s ltac:(lra)). nra.
Qed.

(** First order: the cost lies above its tangents. *)
Theorem convex_above_tangent g k x y :
  whole g k x + sum (fun i => (y i - x i) * imbalance g k x i) (units g) <= whole g k y.
Proof.
  unfold imbalance. rewrite <- (by_parts g _ (fun i => y i - x i)). unfold whole. rewrite <- sum_plus.
  apply sum_le. intros e _. rewrite exponent_minus. apply worth_above_tangent.
Qed.

Lemma even_term g k x y : grounded g x -> grounded g y -> even g k x ->
  sum (fun i => (y i - x i) * imbalance g k x i) (units g) = 0.
Proof.
  intros gx gy B. apply sum_null. intros i _. destruct (free g i) eqn:E; [rewrite B by auto|rewrite gx, gy by auto]; ring.
Qed.

Lemma whole_derivative g k x h : derivable_pt_lim (fun t => whole g k (fun i => x i + t * h i)) 0
  (sum (fun e => rise k e (exponent g x e) * exponent g h e) (connections g)).
Proof.
  unfold whole.
  pose proof (sum_derivative (fun e t => worth k e (exponent g (fun i => x i + t * h i) e))
    (fun e t => rise k e (exponent g x e + t * exponent g h e) * exponent g h e) (connections g) 0) as S.
  cbv beta in S. rewrite (sum_ext (fun e => rise k e (exponent g x e + 0 * exponent g h e) * exponent g h e)
     (fun e => rise k e (exponent g x e) * exponent g h e)) in S
    by (intros; f_equal; f_equal; ring).
  apply S. intros e _. apply (derivable_ext (fun t => worth k e (exponent g x e + t * exponent g h e))).
  { intro t. now rewrite exponent_line. }
  apply (derivable_pt_lim_comp (fun t => exponent g x e + t * exponent g h e) (worth k e)).
  - apply affine_derivative.
  - apply rise_is_derivative.
Qed.

(** Balanced if and only if global minimum *)
Theorem convex_balanced_iff_minimum g k x : grounded g x -> (even g k x <-> least g k x).
Proof.
  intro gx. split.
  - intro B. split; auto. intros y gy. pose proof (convex_above_tangent g k x y) as T. rewrite even_term in T by auto. lra.
  - intros [_ M] i Hi. set (h := set (fun _ => 0) i 1).
    assert (gh : grounded g h) by (intros j Hj; unfold h; rewrite set_other by congruence; reflexivity).
    pose proof (whole_derivative g k x h) as D. apply derivative_at_minimum in D.
    + unfold imbalance. rewrite divergence_sum. etransitivity; [|exact D]. apply sum_ext. intros e _.
      apply Rmult_eq_compat_l. unfold exponent, h, set.
      destruct (Nat.eqb_spec (tail e) i) as [->|]; destruct Nat.eqb; ring.
    + intro t. apply Rle_trans with (whole g k x).
      * right. unfold whole. apply sum_ext. intros e _. apply (f_equal (worth k e)). unfold exponent. ring.
      * apply M. intros j Hj. now rewrite gx, gh, Rmult_0_r, Rplus_0_r.
Qed.

(** All minima give every connection the same slope. *)
Theorem convex_slopes_unique g k x y : least g k x -> least g k y ->
  forall e, In e (connections g) -> rise k e (exponent g x e) = rise k e (exponent g y e).
Proof.
  intros Mx My. pose proof (proj2 (convex_balanced_iff_minimum g k x (proj1 Mx)) Mx) as Bx.
  pose proof (proj2 (convex_balanced_iff_minimum g k y (proj1 My)) My) as By.
  set (f := fun e => (rise k e (exponent g y e) - rise k e (exponent g x e)) * (exponent g y e - exponent g x e)).
  assert (P : forall e, 0 <= f e).
  { intro e. unfold f. destruct (Rle_dec (exponent g x e) (exponent g y e)) as [L|L].
    - pose proof (rise_never_falls k e _ _ L). apply Rmult_le_pos; lra.
    - pose proof (rise_never_falls k e (exponent g y e) (exponent g x e) ltac:(lra)). nra. }
  assert (Z : sum f (connections g) = 0).
  { unfold f. rewrite (sum_ext _ (fun e => (rise k e (exponent g y e) - rise k e (exponent g x e)) *
      exponent g (fun i => y i - x i) e)) by (intros; now rewrite exponent_minus).
    rewrite by_parts. apply sum_null. intros i _. rewrite divergence_minus.
    change ((y i - x i) * (imbalance g k y i - imbalance g k x i) = 0).
    destruct (free g i) eqn:F; [rewrite Bx, By by auto|rewrite (proj1 Mx), (proj1 My) by auto]; ring. }
  intros e I. pose proof (sum_nonneg_null f (connections g) (fun e _ => P e) ltac:(lra) e I) as Q.
  unfold f in Q. apply Rmult_integral in Q. destruct Q as [Q|Q]; [lra|].
  replace (exponent g y e) with (exponent g x e) by lra. reflexivity.
Qed.
