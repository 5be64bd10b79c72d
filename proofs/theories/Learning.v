(** Learning: errors that do not change under rescaling.

    [weights]            an assignment of a number to every connection.
    [gradient E w d l]   E has the gradient d at w: along every differentiable curve through w the derivative of E is
                         the sum over l of d times the curve's derivative (what the chain rule gives for a
                         differentiable E that depends on the weights of l).
    [turn g i t]         the log-scale t at unit i and zero elsewhere.
    [scale_invariant g E w i]   rescaling unit i leaves E(w) as it is.
    [deficit g w i]      sum over the weights into i of w^2, minus c_i times that over the weights out of i. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity.
Import ListNotations.
Open Scope R_scope.

Definition weights := connection -> R.

Definition gradient (E : weights -> R) (w d : weights) (l : list connection) :=
  forall (curve : connection -> R -> R) (v : weights),
    (forall e, curve e 0 = w e) -> (forall e, derivable_pt_lim (curve e) 0 (v e)) ->
    derivable_pt_lim (fun t => E (fun e => curve e t)) 0 (sum (fun e => d e * v e) l).

Definition turn i t : point := set (fun _ => 0) i t.
Definition turned g i (w : weights) t : weights := fun e => w e * exp (exponent g (turn i t) e).
Definition scale_invariant g (E : weights -> R) w i := forall t, E (turned g i w t) = E w.
Definition deficit g (w : weights) i := divergence g (fun e => w e * w e) i.

Definition incidence g i e := (if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then pos (degree g i) else 0).

Lemma exponent_turn g i t e : exponent g (turn i t) e = t * incidence g i e.
Proof.
  unfold exponent, turn, set, incidence. destruct (Nat.eqb_spec (tail e) i) as [->|]; destruct Nat.eqb; ring.
Qed.

(** A scale-invariant error: the sum of w dE/dw into a unit is c_i times the sum out of it. *)
Theorem scale_invariant_error_is_balanced g E w d i : gradient E w d (connections g) -> scale_invariant g E w i ->
  into (fun e => w e * d e) (connections g) i = degree g i * out_of (fun e => w e * d e) (connections g) i.
Proof.
  intros G S. apply Rminus_diag_uniq. change (divergence g (fun e => w e * d e) i = 0). rewrite divergence_sum.
  assert (D := G (fun e t => w e * exp (t * incidence g i e)) (fun e => w e * incidence g i e)).
  rewrite (sum_ext _ (fun e => d e * (w e * incidence g i e))) by (intros; unfold incidence; ring).
  eapply uniqueness_limite; [apply D|].
  - intro e. rewrite Rmult_0_l, exp_0. ring.
  - intro e. pose proof (exp_scaled_derivative (w e) (incidence g i e) 0) as K.
    rewrite Rmult_0_r, exp_0 in K. replace (w e * incidence g i e) with (incidence g i e * (w e * 1)) by ring.
    apply (derivable_ext (fun t => w e * exp (incidence g i e * t))); auto. intro t. now rewrite (Rmult_comm t).
  - apply (derivable_ext (fun _ => E w)); [|apply derivable_pt_lim_const].
    intro t. rewrite <- (S t). unfold turned. f_equal.
    apply FunctionalExtensionality.functional_extensionality. intro e. now rewrite exponent_turn.
Qed.

(** One step of gradient descent of size eta changes a unit's deficit by exactly eta^2 times the deficit of the
    gradient. *)
Theorem gradient_step_changes_deficit g E w d i eta : gradient E w d (connections g) -> scale_invariant g E w i ->
  deficit g (fun e => w e - eta * d e) i - deficit g w i = eta * eta * deficit g d i.
Proof.
  intros G S. pose proof (scale_invariant_error_is_balanced g E w d i G S) as B.
  assert (Z : divergence g (fun e => w e * d e) i = 0) by (unfold divergence; rewrite B; ring).
  unfold deficit. rewrite !divergence_sum in *. rewrite <- sum_minus, <- sum_scale.
  rewrite (sum_ext _ (fun e => eta * eta * (d e * d e * incidence g i e) - 2 * eta * (w e * d e * incidence g i e)))
    by (intros; unfold incidence; ring).
  unfold incidence. rewrite sum_minus, (sum_scale (2 * eta)), Z. ring.
Qed.

Lemma divergence_derivative g (f f' : connection -> R -> R) i t :
  (forall e, derivable_pt_lim (f e) t (f' e t)) ->
  derivable_pt_lim (fun s => divergence g (fun e => f e s) i) t (divergence g (fun e => f' e t) i).
Proof.
  intro H. rewrite divergence_sum.
  apply (derivable_ext (fun s => sum (fun e => f e s * incidence g i e) (connections g))).
  { intro s. now rewrite divergence_sum. }
  apply (sum_derivative (fun e s => f e s * incidence g i e) (fun e s => f' e s * incidence g i e)). intros e _.
  apply (derivable_ext (fun s => incidence g i e * f e s)); [intro; ring|].
  rewrite Rmult_comm. apply derivable_pt_lim_scal. apply H.
Qed.

Lemma deficit_derivative g (w : R -> weights) (v : R -> weights) i t :
  (forall e, derivable_pt_lim (fun s => w s e) t (v t e)) ->
  derivable_pt_lim (fun s => deficit g (w s) i) t (2 * divergence g (fun e => w t e * v t e) i).
Proof.
  intro H. pose proof (divergence_derivative g (fun e s => w s e * w s e) (fun e s => v s e * w s e + w s e * v s e) i t) as D.
  cbv beta in D.
  replace (2 * divergence g (fun e => w t e * v t e) i) with (divergence g (fun e => v t e * w t e + w t e * v t e) i).
  - apply D. intro e. apply (derivable_pt_lim_mult (fun s => w s e) (fun s => w s e)); auto.
  - rewrite !divergence_sum, <- sum_scale. apply sum_ext. intros; ring.
Qed.

Lemma constant_of_null_derivative f : (forall t, derivable_pt_lim f t 0) -> forall t, f t = f 0.
Proof.
  intros D t. destruct (Rtotal_order t 0) as [L|[->|L]]; auto.
  - destruct (MVT_cor2 f (fun _ => 0) t 0 L ltac:(auto)) as [c [E _]]. lra.
  - destruct (MVT_cor2 f (fun _ => 0) 0 t L ltac:(auto)) as [c [E _]]. lra.
Qed.

(** Gradient flow with weight decay beta (beta = 0: plain gradient flow): the deficit decays as exp(-4 beta t). *)
Theorem deficit_under_gradient_flow g E beta (w d : R -> weights) i :
  (forall t, gradient E (w t) (d t) (connections g)) -> (forall t, scale_invariant g E (w t) i) ->
  (forall t e, derivable_pt_lim (fun s => w s e) t (- d t e - 2 * beta * w t e)) ->
  forall t, deficit g (w t) i = deficit g (w 0) i * exp (- (4 * beta * t)).
Proof.
  intros G S F t.
  assert (Z : forall t, divergence g (fun e => w t e * (- d t e - 2 * beta * w t e)) i = - (2 * beta) * deficit g (w t) i).
  { intro s. pose proof (scale_invariant_error_is_balanced g E (w s) (d s) i (G s) (S s)) as B.
    assert (Y : divergence g (fun e => w s e * d s e) i = 0) by (unfold divergence; rewrite B; ring).
    unfold deficit. rewrite !divergence_sum in *. rewrite <- sum_scale.
    rewrite (sum_ext _ (fun e => - (2 * beta) * (w s e * w s e * incidence g i e) - w s e * d s e * incidence g i e))
      by (intros; unfold incidence; ring).
    unfold incidence. rewrite sum_minus, Y. ring. }
  assert (K : forall s, derivable_pt_lim (fun u => deficit g (w u) i * (1 * exp (4 * beta * u))) s 0).
  { intro s.
    replace 0 with (2 * (- (2 * beta) * deficit g (w s) i) * (1 * exp (4 * beta * s)) +
      deficit g (w s) i * (4 * beta * (1 * exp (4 * beta * s)))) by ring.
    apply (derivable_pt_lim_mult (fun u => deficit g (w u) i) (fun u => 1 * exp (4 * beta * u))).
    - rewrite <- Z. apply (deficit_derivative g w (fun t e => - d t e - 2 * beta * w t e)). intro e. apply F.
    - apply exp_scaled_derivative. }
  pose proof (constant_of_null_derivative _ K t) as C. cbv beta in C. rewrite Rmult_0_r, exp_0 in C.
  rewrite exp_Ropp. pose proof (exp_pos (4 * beta * t)).
  apply Rmult_eq_reg_r with (exp (4 * beta * t)); [|lra].
  transitivity (deficit g (w 0) i); [lra|field; lra].
Qed.

Corollary gradient_flow_conserves_the_deficit g E (w d : R -> weights) i :
  (forall t, gradient E (w t) (d t) (connections g)) -> (forall t, scale_invariant g E (w t) i) ->
  (forall t e, derivable_pt_lim (fun s => w s e) t (- d t e)) ->
  forall t, deficit g (w t) i = deficit g (w 0) i.
Proof.
  intros G S F t. rewrite (deficit_under_gradient_flow g E 0 w d i G S).
  - rewrite Rmult_0_r, Rmult_0_l, Ropp_0, exp_0. ring.
  - intros u e. replace (- d u e - 2 * 0 * w u e) with (- d u e) by ring. apply F.
Qed.

(** A local minimum of E + R is balanced, where R is the total cost of the weights. *)
Theorem local_minimum_is_balanced g r (E R' : weights -> R) delta : 0 < delta ->
  (forall i, free g i = true -> scale_invariant g E weight i) ->
  (forall x, R' (rescaled_weight g x) = total g r x) ->
  (forall w, (forall e, In e (connections g) -> Rabs (w e - weight e) < delta) -> E weight + R' weight <= E w + R' w) ->
  balanced g r (fun _ => 0).
Proof.
  intros P S Q M i F.
  pose proof (total_derivative g r (fun _ => 0) (turn i 1)) as D.
  assert (T : forall t e, exponent g (fun j => 0 + t * turn i 1 j) e = t * incidence g i e).
  { intros t e. rewrite exponent_line, exponent_turn, exponent_zero by auto. ring. }
  unfold residual. rewrite divergence_sum.
  transitivity (sum (fun e => slope r e (exponent g (fun _ => 0) e) * exponent g (turn i 1) e) (connections g)).
  { apply sum_ext. intros e _. rewrite exponent_turn. unfold incidence. ring. }
  (* near zero the turned weights are near the weights *)
  assert (near : exists eta, 0 < eta /\ forall t, Rabs t < eta -> forall e, In e (connections g) ->
    Rabs (weight e * exp (t * incidence g i e) - weight e) < delta).
  { clear - P. induction (connections g) as [|e l [eta [Pe H]]].
    - exists 1. split; [lra|]. intros t _ e [].
    - assert (C : continuity_pt (fun t => weight e * exp (incidence g i e * t)) 0).
      { apply derivable_continuous_pt. eexists. apply exp_scaled_derivative. }
      destruct (C delta P) as [al [Pa K]].
      exists (Rmin eta al). split; [now apply Rmin_glb_lt|]. intros t L e' [<-|I].
      + destruct (Req_dec t 0) as [->|N].
        * rewrite Rmult_0_l, exp_0, Rmult_1_r, Rminus_diag_eq, Rabs_R0; auto.
        * specialize (K t). unfold D_x, no_cond, dist in K. simpl in K. unfold R_dist in K.
          rewrite Rmult_0_r, exp_0, Rmult_1_r, (Rmult_comm _ t) in K. apply K. split; [auto|].
          rewrite Rminus_0_r. eapply Rlt_le_trans; [exact L|apply Rmin_r].
      + apply H; auto. eapply Rlt_le_trans; [exact L|apply Rmin_l]. }
  destruct near as [eta [Pe H]].
  set (f := fun t => total g r (fun j => 0 + t * turn i 1 j)) in *.
  pose (pr := exist _ _ D : derivable_pt f 0).
  change (derive_pt f 0 pr = 0). apply (deriv_minimum f (- eta) eta 0 pr); [lra|lra|].
  intros t L1 L2. unfold f.
  assert (W : forall t, R' (turned g i weight t) = total g r (fun j => 0 + t * turn i 1 j)).
  { intro u. rewrite <- Q. f_equal. apply FunctionalExtensionality.functional_extensionality. intro e.
    unfold turned, rescaled_weight. now rewrite T, exponent_turn. }
  assert (W0 : R' weight = R' (turned g i weight 0)).
  { f_equal. apply FunctionalExtensionality.functional_extensionality. intro e.
    unfold turned. rewrite exponent_turn, Rmult_0_l, exp_0. ring. }
  rewrite <- !W, <- W0. specialize (M (turned g i weight t)).
  rewrite (S i F) in M. apply Rplus_le_reg_l with (E weight). apply M.
  intros e I. unfold turned. rewrite exponent_turn. apply H; auto. apply Rabs_def1; lra.
Qed.
