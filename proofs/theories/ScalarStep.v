(** The exact local step as the root of a scalar equation, where there is no closed form: self-connections of degrees other
    than 1, and costs other than powers.

    [steppable g r]    whatever the other log-scales are, the residual of every free unit with a connection takes both signs
                       as the unit's own log-scale moves.
    [exact_step g r H i x]  the log-scale at which unit i is balanced, the others as in x: the largest at which its residual
                       is not positive.
    [form g e i]       how the exponent of e depends on the log-scale of i (Linear.v): 1 into i, -c_i out of i, 1 - c_i for a
                       self-connection. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Comparison Convergence PowerStep ErrorBound Between Limit Linear
  PowerGains Escape LimitReached.
Open Scope R_scope.

Definition steppable g r := forall i x, In i (active g) ->
  (exists t, residual g r (set x i t) i < 0) /\ (exists t, 0 < residual g r (set x i t) i).

Lemma exponent_set g x i t e : exponent g (set x i t) e = exponent g x e + (t - x i) * form g e i.
Proof.
  unfold exponent, form, set. destruct (Nat.eqb_spec (head e) i) as [->|]; destruct (Nat.eqb_spec (tail e) i) as [->|]; ring.
Qed.

Section Step.
Variables (g : graph) (r : regularizer).
Hypothesis can_step : steppable g r.

Definition low_enough i (x : point) t := if in_dec Nat.eq_dec i (active g) then residual g r (set x i t) i <= 0 else t <= x i.

Lemma low_enough_bound i x : bound (low_enough i x).
Proof.
  unfold low_enough. destruct in_dec as [I|N].
  - destruct (can_step i x I) as [_ [b B]]. exists b. intros t T. apply Rnot_lt_le. intro L.
    pose proof (residual_own g r i x b t ltac:(lra)). lra.
  - exists (x i). intros t T. exact T.
Qed.

Lemma low_enough_some i x : exists t, low_enough i x t.
Proof.
  unfold low_enough. destruct in_dec as [I|N].
  - destruct (can_step i x I) as [[b B] _]. exists b. lra.
  - exists (x i). lra.
Qed.

Definition exact_step i (x : point) := proj1_sig (completeness (low_enough i x) (low_enough_bound i x) (low_enough_some i x)).

Lemma exact_step_lub i x : is_lub (low_enough i x) (exact_step i x).
Proof. unfold exact_step. destruct completeness. auto. Qed.

(** The residual at the step's end, approached from one side *)
Lemma residual_near i x t (d : nat -> R) : Un_cv d 0 ->
  Un_cv (fun n => residual g r (set x i (t + d n)) i) (residual g r (set x i t) i).
Proof.
  intro C. pose proof (residual_own_cv g r (set x i t) i d C) as K.
  intros eps P. destruct (K eps P) as [n0 H]. exists n0. intros n L. specialize (H n L).
  replace (residual g r (set x i (t + d n)) i) with (residual g r (set (set x i t) i (set x i t i + d n)) i); auto.
  apply divergence_ext. intros e _. f_equal. unfold exponent, set. rewrite Nat.eqb_refl.
  destruct (Nat.eqb (head e) i); destruct (Nat.eqb (tail e) i); reflexivity.
Qed.

(** It balances the unit ... *)
Theorem exact_step_solves : solves g r exact_step.
Proof.
  intros i x F. destruct (in_dec Nat.eq_dec i (active g)) as [I|N].
  2:{ unfold residual. rewrite divergence_sum. apply sum_null. intros e Ie.
      destruct (Nat.eqb_spec (head e) i) as [Q|_];
        [exfalso; apply N, active_free; split; auto; rewrite <- Q; now apply head_in_units|].
      destruct (Nat.eqb_spec (tail e) i) as [Q|_];
        [exfalso; apply N, active_free; split; auto; rewrite <- Q; now apply tail_in_units|].
      ring. }
  destruct (exact_step_lub i x) as [U L]. set (m := exact_step i x) in *.
  assert (Below : forall t, residual g r (set x i t) i <= 0 -> t <= m).
  { intros t T. apply U. unfold low_enough. destruct in_dec; tauto. }
  apply Rle_antisym.
  - apply (cv_below (fun n => residual g r (set x i (m + - RinvN n)) i)).
    + apply residual_near. replace 0 with (- 0) by ring. apply CV_opp, RinvN_cv.
    + intro n. apply Rnot_lt_le. intro P. pose proof (cond_pos (RinvN n)) as Pn.
      enough (m <= m + - RinvN n) by lra. apply L. intros t T. unfold low_enough in T. destruct in_dec; [|tauto].
      apply Rnot_lt_le. intro Q. pose proof (residual_own g r i x (m + - RinvN n) t ltac:(lra)). lra.
  - apply Ropp_le_cancel. rewrite Ropp_0. apply (cv_below (fun n => - residual g r (set x i (m + RinvN n)) i)).
    + apply CV_opp. apply residual_near. apply RinvN_cv.
    + intro n. pose proof (cond_pos (RinvN n)) as Pn. apply Rnot_lt_le. intro P.
      pose proof (Below (m + RinvN n) ltac:(lra)). lra.
Qed.

(** ... and nothing else does. *)
Theorem exact_step_unique i x t : In i (active g) -> residual g r (set x i t) i = 0 -> t = exact_step i x.
Proof.
  intros I Z. pose proof (exact_step_solves i x (proj2 (proj1 (active_free g i) I))) as Z'. set (m := exact_step i x) in *.
  assert (U : forall a b, a < b -> residual g r (set x i a) i = 0 -> residual g r (set x i b) i = 0 -> False).
  { intros a b L Za Zb.
    assert (T : forall e, 0 <= (slope r e (exponent g (set x i b) e) - slope r e (exponent g (set x i a) e)) * form g e i /\
      (form g e i <> 0 -> 0 < (slope r e (exponent g (set x i b) e) - slope r e (exponent g (set x i a) e)) * form g e i)).
    { intro e. rewrite !exponent_set. destruct (Rtotal_order (form g e i) 0) as [N|[E|N]].
      - pose proof (slope_increasing r e (exponent g x e + (b - x i) * form g e i) (exponent g x e + (a - x i) * form g e i)
          ltac:(nra)). split; intros; nra.
      - rewrite E. split; [lra|tauto].
      - pose proof (slope_increasing r e (exponent g x e + (a - x i) * form g e i) (exponent g x e + (b - x i) * form g e i)
          ltac:(nra)). split; intros; nra. }
    assert (S : sum (fun e => (slope r e (exponent g (set x i b) e) - slope r e (exponent g (set x i a) e)) * form g e i)
      (connections g) <= 0).
    { right. rewrite (sum_ext _ (fun e => slope r e (exponent g (set x i b) e) * form g e i -
        slope r e (exponent g (set x i a) e) * form g e i)) by (intros; ring).
      rewrite sum_minus. unfold residual in Za, Zb. rewrite divergence_sum in Za, Zb. unfold form. rewrite Za, Zb. ring. }
    destruct (can_step i x I) as [[c C] _].
    enough (E : residual g r (set x i c) i = residual g r (set x i a) i) by (rewrite E, Za in C; lra).
    unfold residual. rewrite !divergence_sum. apply sum_ext. intros e Ie. fold (form g e i).
    destruct (Req_dec (form g e i) 0) as [Q|Q]; [rewrite Q; ring|].
    pose proof (sum_nonneg_null _ _ (fun e _ => proj1 (T e)) S e Ie) as K. cbv beta in K. pose proof (proj2 (T e) Q). lra. }
  destruct (Rtotal_order t m) as [L|[L|L]]; auto; exfalso; eauto.
Qed.
End Step.

(** Powers, any degree, self-connections or not: it is enough that every free unit with a connection has exponents that rise
    with its log-scale and exponents that fall. *)
Theorem powers_steppable (p : posreal) g : (forall i, In i (active g) ->
    (exists e, In e (connections g) /\ 0 < form g e i) /\ (exists e, In e (connections g) /\ form g e i < 0)) ->
  steppable g (power p).
Proof.
  intros H i x I. pose proof (cond_pos p) as P. destruct (H i I) as [[e [Ie Pe]] [e' [Ie' Pe']]].
  assert (E : forall t, residual g (power p) (set x i t) i =
    p * sum (fun e => cost_at p g x e * exp (p * (t - x i) * form g e i) * form g e i) (connections g)).
  { intro t. rewrite residual_costs. f_equal. apply sum_ext. intros b _. rewrite (cost_at_moved p g x (set x i t) b), exponent_set.
    f_equal. f_equal. f_equal. ring. }
  set (S := sum (fun e => cost_at p g x e * Rabs (form g e i)) (connections g)).
  assert (PS : 0 <= S).
  { apply sum_nonneg. intros b _. apply Rmult_le_pos; [left; apply cost_at_pos|apply Rabs_pos]. }
  (* for a sign s, the residual times s where the log-scale moves by s v from x *)
  assert (K : forall s b, s * s = 1 -> In b (connections g) -> 0 < s * form g b i -> exists t,
    0 < s * residual g (power p) (set x i t) i).
  { intros s b Ss Ib Pb. pose proof (cost_at_pos p g x b) as Cb. set (k := s * form g b i) in *.
    assert (Pk : 0 < cost_at p g x b * k * (p * k)) by (apply Rmult_lt_0_compat; apply Rmult_lt_0_compat; lra).
    set (v := S / (cost_at p g x b * k * (p * k))).
    assert (Pv : 0 <= v) by (unfold v, Rdiv; apply Rmult_le_pos; [auto|left; now apply Rinv_0_lt_compat]).
    exists (x i + s * v). rewrite E. rewrite <- Rmult_assoc, (Rmult_comm s p), Rmult_assoc. apply Rmult_lt_0_compat; [auto|].
    rewrite <- sum_scale.
    set (w := fun e => s * (cost_at p g x e * exp (p * (x i + s * v - x i) * form g e i) * form g e i)).
    assert (W : forall e, - (cost_at p g x e * Rabs (form g e i)) <= w e).
    { intro a. unfold w. pose proof (cost_at_pos p g x a) as Ca. set (q := s * form g a i).
      replace (p * (x i + s * v - x i) * form g a i) with (p * v * q) by (unfold q; ring).
      replace (s * (cost_at p g x a * exp (p * v * q) * form g a i)) with (cost_at p g x a * (exp (p * v * q) * q))
        by (unfold q; ring).
      replace (- (cost_at p g x a * Rabs (form g a i))) with (cost_at p g x a * - Rabs (form g a i)) by ring.
      apply Rmult_le_compat_l; [lra|].
      assert (Q : - Rabs (form g a i) <= q).
      { assert (s = 1 \/ s = -1) as [-> | ->] by nra; unfold q, Rabs; destruct Rcase_abs; lra. }
      pose proof (exp_pos (p * v * q)) as X. destruct (Rle_dec 0 q) as [N|N].
      - pose proof (Rabs_pos (form g a i)). nra.
      - assert (exp (p * v * q) <= 1).
        { rewrite <- exp_0. apply Certificates.exp_le. assert (0 <= p * v) by (apply Rmult_le_pos; lra). nra. }
        nra. }
    assert (Big : S < w b + cost_at p g x b * Rabs (form g b i)).
    { assert (Eb : w b = cost_at p g x b * (exp (p * v * k) * k)).
      { unfold w, k. replace (p * (x i + s * v - x i) * form g b i) with (p * v * (s * form g b i)) by ring. ring. }
      rewrite Eb. pose proof (exp_ineq1_le (p * v * k)) as X. pose proof (Rabs_pos (form g b i)).
      assert (M : cost_at p g x b * ((1 + p * v * k) * k) <= cost_at p g x b * (exp (p * v * k) * k)).
      { apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_r; lra. }
      assert (cost_at p g x b * (p * v * k * k) = S) by (unfold v; field; lra). nra. }
    assert (Sum : 0 < sum w (connections g)).
    { apply Rplus_lt_reg_r with S. rewrite Rplus_0_l. unfold S. rewrite <- sum_plus. fold S.
      apply Rlt_le_trans with (1 := Big).
      apply (sum_member (fun e => w e + cost_at p g x e * Rabs (form g e i))); auto.
      intros a _. specialize (W a). lra. }
    exact Sum. }
  split.
  - destruct (K (-1) e' ltac:(ring) Ie' ltac:(lra)) as [t T]. exists t. lra.
  - destruct (K 1 e ltac:(ring) Ie ltac:(lra)) as [t T]. exists t. lra.
Qed.

(** So in every such network, of any degrees, local balancing by exact or relaxed steps leads to the limit; where a minimum is
    attained, every connection is kept. *)
Corollary balancing_powers_converges (p : posreal) g (sides : forall i, In i (active g) ->
    (exists e, In e (connections g) /\ 0 < form g e i) /\ (exists e, In e (connections g) /\ form g e i < 0)) :
  exists kept V, minimum (part g kept) (power p) V /\ (exists h, escape g kept h) /\
  forall theta theta0 s x, 0 < theta0 -> (forall n, theta0 <= theta n <= 1) -> grounded g x -> fair g s ->
  reaches_limit g kept (run (exact_step g (power p) (powers_steppable p g sides)) theta s x) V.
Proof.
  destruct (every_network_has_a_limit p g) as [kept [V [M [E H]]]]. exists kept, V. split; auto. split; auto.
  intros theta theta0 s x P T G F. apply (H _ theta theta0); auto. apply exact_step_solves.
Qed.
