(** L_p: a unit whose residual is not small gains a fixed amount from its step, whether a minimum is attained or not, any
    degree, any graph, self-connections included: to second order the cost changes by s residual + s^2 Q when the unit's
    log-scale moves by s.

    [cost_at p g x e]   the cost of connection e at x (ErrorBound.v).
    [reaches g]         the sum of 1 + c_tail over the connections; no coefficient of an exponent is larger. *)
From Coq Require Import Reals Psatz List Arith Lia Bool.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep PowerStep Certificates ErrorBound
  Linear Rounds StepShare.
Import ListNotations.
Open Scope R_scope.

Lemma total_costs (p : posreal) g x : total g (power p) x = sum (cost_at p g x) (connections g).
Proof. reflexivity. Qed.

Lemma cost_at_pos (p : posreal) g x e : 0 < cost_at p g x e.
Proof. apply power_cost_pos. Qed.

Lemma cost_at_most (p : posreal) g x e : In e (connections g) -> cost_at p g x e <= total g (power p) x.
Proof. intro I. apply (sum_member (cost_at p g x)); auto. intros b _. left. apply cost_at_pos. Qed.

Lemma residual_costs (p : posreal) g x i :
  residual g (power p) x i = p * sum (fun e => cost_at p g x e * form g e i) (connections g).
Proof.
  unfold residual. rewrite divergence_sum, <- sum_scale. apply sum_ext. intros e _. simpl. unfold power_slope, cost_at, form.
  rewrite power_cost_exp. ring.
Qed.

Lemma cost_at_moved (p : posreal) g x y e :
  cost_at p g y e = cost_at p g x e * exp (p * (exponent g y e - exponent g x e)).
Proof. unfold cost_at. rewrite !power_cost_exp, Rmult_assoc, <- exp_plus. f_equal. f_equal. ring. Qed.

Lemma form_bound g e i : Rabs (form g e i) <= 1 + degree g (tail e).
Proof.
  unfold form. pose proof (cond_pos (degree g (tail e))).
  destruct (Nat.eqb (head e) i); destruct (Nat.eqb_spec (tail e) i) as [<-|]; unfold Rabs; destruct Rcase_abs; lra.
Qed.

Definition reaches g := sum (fun e => 1 + degree g (tail e)) (connections g).

Lemma reaches_bound g e i : In e (connections g) -> Rabs (form g e i) <= reaches g.
Proof.
  intro I. eapply Rle_trans; [apply form_bound|]. apply (sum_member (fun e => 1 + degree g (tail e))); auto.
  intros b _. pose proof (cond_pos (degree g (tail b))). lra.
Qed.

Lemma reaches_nonneg g : 0 <= reaches g.
Proof. apply sum_nonneg. intros e _. pose proof (cond_pos (degree g (tail e))). lra. Qed.

(** A unit whose residual is not small gains a fixed amount. *)
Theorem gains_effective_power (p : posreal) g theta0 : 0 < theta0 -> effective g (power p) (gains g (power p) theta0).
Proof.
  intro Pt. split.
  - intros i x y [F [O [z [B T]]]]. split; auto. split; auto.
    pose proof (local_step_never_raises g (power p) i x z B). nra.
  - intros F eps Pe. pose proof (cond_pos p) as P. set (K := reaches g + 1).
    pose proof (reaches_nonneg g) as PK0. assert (PK : 1 <= K) by (unfold K; lra).
    set (Q := p * p * (K * K) * Rmax 0 F + 1). assert (0 <= Rmax 0 F) by apply Rmax_l. assert (F <= Rmax 0 F) by apply Rmax_r.
    assert (PQ : 0 < Q).
    { unfold Q. assert (0 <= p * p * (K * K) * Rmax 0 F); [|lra]. repeat apply Rmult_le_pos; lra. }
    set (sigma := Rmin (1 / (3 * (p * K))) (eps / (2 * Q))).
    assert (PpK : 0 < p * K) by (apply Rmult_lt_0_compat; lra).
    assert (Ps : 0 < sigma) by (apply Rmin_pos; apply Rdiv_lt_0_compat; lra).
    assert (S1 : sigma * (p * K) <= 1 / 3).
    { replace (1 / 3) with (1 / (3 * (p * K)) * (p * K)) by (field; lra). apply Rmult_le_compat_r; [lra|]. apply Rmin_l. }
    assert (S2 : sigma * Q <= eps / 2).
    { replace (eps / 2) with (eps / (2 * Q) * Q) by (field; lra). apply Rmult_le_compat_r; [lra|]. apply Rmin_r. }
    exists (theta0 * (sigma * eps / 2)). split; [apply Rmult_lt_0_compat; [auto|nra]|].
    intros i x y G T [Fi [O [z [B Ty]]]] Rs. enough (sigma * eps / 2 <= total g (power p) x - total g (power p) z) by nra.
    set (s := if Rle_dec 0 (residual g (power p) x i) then - sigma else sigma).
    assert (Es : s * residual g (power p) x i = - (sigma * Rabs (residual g (power p) x i)) /\ s * s = sigma * sigma).
    { unfold s, Rabs. destruct Rle_dec; destruct Rcase_abs; split; try nra; try lra. }
    set (w := set x i (x i + s)).
    assert (Ew : forall e, exponent g w e - exponent g x e = s * form g e i).
    { intro e. unfold w, exponent, form, set.
      destruct (Nat.eqb_spec (head e) i) as [->|]; destruct (Nat.eqb_spec (tail e) i) as [->|]; ring. }
    assert (Bz : balances g (power p) i w z).
    { split; [|apply B]. intros j N. unfold w. rewrite set_other by auto. now apply B. }
    pose proof (local_step_never_raises g (power p) i w z Bz) as L.
    enough (total g (power p) w <= total g (power p) x - sigma * eps / 2) by lra.
    assert (W : total g (power p) w <= total g (power p) x + s * residual g (power p) x i + sigma * sigma * Q).
    { rewrite residual_costs. apply Rle_trans with (total g (power p) x
        + s * (p * sum (fun e => cost_at p g x e * form g e i) (connections g))
        + sigma * sigma * (p * p * (K * K)) * total g (power p) x).
      - rewrite !total_costs, <- Rmult_assoc, <- !sum_scale, <- !sum_plus. apply sum_le. intros e I.
        rewrite (cost_at_moved p g x w e), Ew. pose proof (cost_at_pos p g x e) as C.
        pose proof (form_bound g e i) as Fb. pose proof (reaches_bound g e i I) as Rb.
        assert (As : Rabs s = sigma) by (unfold s; destruct Rle_dec; unfold Rabs; destruct Rcase_abs; lra).
        assert (Small : Rabs (p * (s * form g e i)) <= 1 / 3).
        { rewrite !Rabs_mult, As, (Rabs_right p) by lra. eapply Rle_trans; [|exact S1].
          replace (p * (sigma * Rabs (form g e i))) with (sigma * (p * Rabs (form g e i))) by ring.
          apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_l; [lra|]. unfold K. lra. }
        apply exp_second_order, Rabs_between in Small.
        assert (Sq : form g e i * form g e i <= K * K).
        { apply Rabs_between in Rb. unfold K. nra. }
        assert (Sq' : p * (s * form g e i) * (p * (s * form g e i)) <= sigma * sigma * (p * p * (K * K))).
        { replace (p * (s * form g e i) * (p * (s * form g e i))) with ((s * s) * (p * p) * (form g e i * form g e i)) by ring.
          rewrite (proj2 Es). replace (sigma * sigma * (p * p * (K * K))) with (sigma * sigma * (p * p) * (K * K)) by ring.
          apply Rmult_le_compat_l; [|auto]. apply Rmult_le_pos; nra. }
        nra.
      - assert (sigma * sigma * (p * p * (K * K)) * total g (power p) x <= sigma * sigma * (p * p * (K * K)) * Rmax 0 F).
        { apply Rmult_le_compat_l; [|lra]. apply Rmult_le_pos; [nra|]. apply Rmult_le_pos; nra. }
        unfold Q. nra. }
    rewrite (proj1 Es) in W. assert (sigma * eps <= sigma * Rabs (residual g (power p) x i)) by (apply Rmult_le_compat_l; lra).
    assert (sigma * (sigma * Q) <= sigma * (eps / 2)) by (apply Rmult_le_compat_l; lra). lra.
Qed.
