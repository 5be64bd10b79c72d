(** Local balancing converges to the balanced weights, from every start, under every fair schedule.

    The argument is monotone iteration: a run from a super-solution falls, a run from a sub-solution rises, and every
    run between two ordered points stays between their runs.

    [solves g r solve]   [solve i x] is the log-scale at which unit i is balanced when all other log-scales are those
                         of x (an exact local step; for L_p see closed forms in PowerStep.v).
    [step solve theta i x]   unit i goes the fraction theta of the way to it.
    [run solve theta s x n]  n such steps from x: step k visits unit [s k] with fraction [theta k].
    [fair g s]           only free units are visited, each of them infinitely often. *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Convexity Comparison.
Open Scope R_scope.

Definition solves g r (solve : nat -> point -> R) :=
  forall i x, free g i = true -> residual g r (set x i (solve i x)) i = 0.

Definition step (solve : nat -> point -> R) theta i x := set x i (x i + theta * (solve i x - x i)).

Fixpoint run solve (theta : nat -> R) (s : nat -> nat) (x : point) n : point :=
  match n with O => x | S n => step solve (theta n) (s n) (run solve theta s x n) end.

Definition fair g (s : nat -> nat) :=
  (forall n, free g (s n) = true) /\ (forall i, free g i = true -> forall n, exists m, (n <= m)%nat /\ s m = i).

(** ** The residual and the order *)
Lemma residual_le g r x y i : (forall j, x j <= y j) -> x i = y i -> residual g r y i <= residual g r x i.
Proof.
  intros L E. unfold residual, divergence, into, out_of. apply Rplus_le_compat; [|apply Ropp_le_contravar].
  - apply sum_le. intros e _. destruct (Nat.eqb_spec (head e) i) as [Q|]; [|lra].
    apply slope_le. unfold exponent. rewrite Q, E. pose proof (L (tail e)). pose proof (cond_pos (degree g (tail e))). nra.
  - apply Rmult_le_compat_l; [left; apply cond_pos|].
    apply sum_le. intros e _. destruct (Nat.eqb_spec (tail e) i) as [Q|]; [|lra].
    apply slope_le. unfold exponent. rewrite Q, E. pose proof (L (head e)). lra.
Qed.

(** In its own log-scale the residual does not fall, and it rises strictly where an exponent moves. *)
Lemma residual_own g r i x u v : u <= v -> residual g r (set x i u) i <= residual g r (set x i v) i.
Proof.
  intro L. unfold residual. rewrite !divergence_sum. apply sum_le. intros e _.
  set (a := (if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then pos (degree g i) else 0)).
  assert (E : exponent g (set x i v) e - exponent g (set x i u) e = a * (v - u)).
  { unfold exponent, a, set. destruct (Nat.eqb_spec (tail e) i) as [->|]; destruct Nat.eqb; ring. }
  destruct (Rle_dec 0 a) as [P|P].
  - apply Rmult_le_compat_r; auto. apply slope_le. nra.
  - assert (slope r e (exponent g (set x i v) e) <= slope r e (exponent g (set x i u) e)) by (apply slope_le; nra). nra.
Qed.

Section Convergence.
Variables (g : graph) (r : regularizer) (solve : nat -> point -> R).
Hypotheses (is_anchored : anchored g) (is_solver : solves g r solve).

(** Two points where i is balanced and that agree elsewhere have the same residuals' signs: strict monotony. *)
Lemma residual_own_strict i x u v : free g i = true -> u < v ->
  residual g r (set x i u) i < residual g r (set x i v) i.
Proof.
  intros F L. destruct (residual_own g r i x u v ltac:(lra)) as [|E]; auto. exfalso.
  assert (S : sum (fun e => (slope r e (exponent g (set x i v) e) - slope r e (exponent g (set x i u) e)) *
     exponent g (set (fun _ => 0) i (v - u)) e) (connections g) = 0).
  { rewrite by_parts. apply sum_null. intros j _. destruct (Nat.eq_dec j i) as [->|D].
    - rewrite divergence_minus. unfold residual in E. rewrite E. ring.
    - rewrite set_other by auto. ring. }
  assert (X : forall e, exponent g (set (fun _ => 0) i (v - u)) e = exponent g (set x i v) e - exponent g (set x i u) e).
  { intro e. unfold exponent, set. do 2 destruct Nat.eqb; ring. }
  assert (Z : forall e, In e (connections g) -> exponent g (set (fun _ => 0) i (v - u)) e = 0).
  { intros e I. destruct (Req_dec (exponent g (set (fun _ => 0) i (v - u)) e) 0) as [|N]; auto. exfalso.
    assert (T : forall e, 0 <= (slope r e (exponent g (set x i v) e) - slope r e (exponent g (set x i u) e)) *
      exponent g (set (fun _ => 0) i (v - u)) e).
    { intro e'. rewrite X. destruct (Rle_dec (exponent g (set x i u) e') (exponent g (set x i v) e')) as [Q|Q].
      - pose proof (slope_le r e' _ _ Q). nra.
      - pose proof (slope_le r e' (exponent g (set x i v) e') (exponent g (set x i u) e') ltac:(lra)). nra. }
    pose proof (sum_nonneg_null _ _ (fun e _ => T e) (Req_le _ _ S) e I) as K. cbv beta in K.
    apply Rmult_integral in K. destruct K as [K|K]; [|tauto]. rewrite X in N.
    destruct (Rtotal_order (exponent g (set x i u) e) (exponent g (set x i v) e)) as [Q|[Q|Q]];
      [pose proof (slope_increasing r e _ _ Q)| |pose proof (slope_increasing r e _ _ Q)]; lra. }
  assert (K := is_anchored (set (fun _ => 0) i (v - u))).
  specialize (K ltac:(intros j Hj; rewrite set_other by congruence; reflexivity) Z i).
  rewrite set_same in K. lra.
Qed.

(** A unit with residual >= 0 is not below its balanced log-scale, and so on. *)
Lemma solve_below i x : free g i = true -> 0 <= residual g r x i -> solve i x <= x i.
Proof.
  intros F P. apply Rnot_lt_le. intro C. pose proof (residual_own_strict i x _ _ F C) as K.
  rewrite is_solver in K by auto.
  assert (E : residual g r (set x i (x i)) i = residual g r x i).
  { apply divergence_ext. intros e _. f_equal. unfold exponent, set.
    destruct (Nat.eqb_spec (head e) i) as [->|]; destruct (Nat.eqb_spec (tail e) i) as [->|]; reflexivity. }
  lra.
Qed.

Lemma solve_above i x : free g i = true -> residual g r x i <= 0 -> x i <= solve i x.
Proof.
  intros F P. apply Rnot_lt_le. intro C. pose proof (residual_own_strict i x _ _ F C) as K.
  rewrite is_solver in K by auto.
  assert (E : residual g r (set x i (x i)) i = residual g r x i).
  { apply divergence_ext. intros e _. f_equal. unfold exponent, set.
    destruct (Nat.eqb_spec (head e) i) as [->|]; destruct (Nat.eqb_spec (tail e) i) as [->|]; reflexivity. }
  lra.
Qed.

Lemma solve_monotone i x y : free g i = true -> (forall j, x j <= y j) -> solve i x <= solve i y.
Proof.
  intros F L. rewrite <- (set_same x i (solve i y)) at 1.
  assert (Q : 0 <= residual g r (set x i (solve i y)) i).
  { rewrite <- (is_solver i y F). apply residual_le.
    - intro j. unfold set. destruct Nat.eqb; [lra|auto].
    - now rewrite !set_same. }
  pose proof (solve_below i (set x i (solve i y)) F Q) as K. rewrite set_same in *.
  apply Rnot_lt_le. intro C.
  pose proof (residual_own_strict i x _ _ F C) as M. rewrite is_solver in M by auto. lra.
Qed.

Lemma step_monotone theta i x y : 0 <= theta <= 1 -> free g i = true -> (forall j, x j <= y j) ->
  forall j, step solve theta i x j <= step solve theta i y j.
Proof.
  intros T F L j. unfold step, set. destruct (Nat.eqb j i); auto.
  pose proof (solve_monotone i x y F L). pose proof (L i). nra.
Qed.

Lemma step_grounded theta i x : free g i = true -> grounded g x -> grounded g (step solve theta i x).
Proof. intros F G j Hj. unfold step. rewrite set_other by congruence. auto. Qed.

Lemma super_step theta i x : 0 <= theta <= 1 -> free g i = true -> super g r x ->
  super g r (step solve theta i x) /\ forall j, step solve theta i x j <= x j.
Proof.
  intros T F S. pose proof (solve_below i x F (S i F)) as B.
  assert (L : forall j, step solve theta i x j <= x j).
  { intro j. unfold step, set. destruct (Nat.eqb_spec j i) as [->|]; nra. }
  split; auto. intros j Hj. destruct (Nat.eq_dec j i) as [->|D].
  - rewrite <- (is_solver i x F). apply residual_own. nra.
  - apply Rle_trans with (residual g r x j); [auto|]. apply residual_le; auto. unfold step. now rewrite set_other.
Qed.

Lemma sub_step theta i x : 0 <= theta <= 1 -> free g i = true -> sub g r x ->
  sub g r (step solve theta i x) /\ forall j, x j <= step solve theta i x j.
Proof.
  intros T F S. pose proof (solve_above i x F (S i F)) as B.
  assert (L : forall j, x j <= step solve theta i x j).
  { intro j. unfold step, set. destruct (Nat.eqb_spec j i) as [->|]; nra. }
  split; auto. intros j Hj. destruct (Nat.eq_dec j i) as [->|D].
  - rewrite <- (is_solver i x F). apply residual_own. nra.
  - apply Rle_trans with (residual g r x j); [|auto]. apply residual_le; auto. unfold step. now rewrite set_other.
Qed.

Lemma residual_cv (X : nat -> point) V i : (forall j, Un_cv (fun n => X n j) (V j)) ->
  Un_cv (fun n => residual g r (X n) i) (residual g r V i).
Proof.
  intro C. unfold residual. rewrite divergence_sum.
  assert (K : Un_cv (fun n => sum (fun e => slope r e (exponent g (X n) e) *
    ((if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then pos (degree g i) else 0))) (connections g))
    (sum (fun e => slope r e (exponent g V e) *
    ((if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then pos (degree g i) else 0))) (connections g))).
  { apply (sum_cv (fun n e => slope r e (exponent g (X n) e) * _)). intros e _.
    apply CV_mult; [|apply cv_constant].
    apply (continuity_seq (slope r e) (fun n => exponent g (X n) e)); [apply slope_continuous|].
    unfold exponent. apply CV_minus; auto. apply CV_mult; auto using cv_constant. }
  intros eps P. destruct (K eps P) as [n H]. exists n. intros m M. rewrite divergence_sum. now apply H.
Qed.

Variables (theta : nat -> R) (theta0 : R) (s : nat -> nat).
Hypotheses (theta0_pos : 0 < theta0) (theta_range : forall n, theta0 <= theta n <= 1) (is_fair : fair g s).

Lemma theta_unit n : 0 <= theta n <= 1.
Proof. pose proof (theta_range n). lra. Qed.

Lemma run_grounded x n : grounded g x -> grounded g (run solve theta s x n).
Proof. intro G. induction n; simpl; auto. apply step_grounded; auto. apply is_fair. Qed.

Lemma run_monotone x y n : (forall j, x j <= y j) ->
  forall j, run solve theta s x n j <= run solve theta s y n j.
Proof. intro L. induction n; simpl; auto. intro j. apply step_monotone; auto using theta_unit. apply is_fair. Qed.

Lemma run_super x n : super g r x -> super g r (run solve theta s x n).
Proof. intro S. induction n; simpl; auto. apply super_step; auto using theta_unit. apply is_fair. Qed.

Lemma run_sub x n : sub g r x -> sub g r (run solve theta s x n).
Proof. intro S. induction n; simpl; auto. apply sub_step; auto using theta_unit. apply is_fair. Qed.

(** Whatever a run converges to is balanced: at the visits of i its distance to the balanced log-scale vanishes. *)
Lemma limit_balanced x V : (forall j, Un_cv (fun n => run solve theta s x n j) (V j)) -> balanced g r V.
Proof.
  intros C i F. set (X := run solve theta s x).
  set (jump := fun n => (X (S n) i - X n i) / theta n).
  (* the visited unit's balanced log-scale, wherever i is the visited unit *)
  set (Y := fun n => set (X n) i (X n i + jump n)).
  assert (J : Un_cv jump 0).
  { intros eps P. destruct (C i (eps * theta0 / 2) ltac:(nra)) as [n0 H]. exists n0. intros n L.
    pose proof (H n L) as H1. pose proof (H (S n) ltac:(lia)) as H2. unfold R_dist in *. rewrite Rminus_0_r.
    pose proof (theta_range n) as T. unfold jump, Rdiv. rewrite Rabs_mult, (Rabs_right (/ theta n))
      by (left; apply Rinv_0_lt_compat; lra).
    assert (D : Rabs (X (S n) i - X n i) < eps * theta0).
    { replace (X (S n) i - X n i) with ((X (S n) i - V i) + - (X n i - V i)) by ring.
      eapply Rle_lt_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. unfold X. lra. }
    apply Rmult_lt_reg_r with (theta n); [lra|]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra. }
  assert (CY : forall j, Un_cv (fun n => Y n j) (V j)).
  { intro j. unfold Y, set. destruct (Nat.eqb_spec j i) as [->|]; [|apply C].
    replace (V i) with (V i + 0) by ring. apply CV_plus; [apply C|apply J]. }
  apply (cv_visits _ (fun _ => 0) _ 0 (residual_cv Y V i CY) (cv_constant 0)).
  intro n. destruct (proj2 is_fair i F n) as [m [L E]]. exists m. split; auto.
  assert (K : X m i + jump m = solve i (X m)).
  { unfold jump, X. simpl. rewrite E. unfold step. rewrite set_same. pose proof (theta_range m).
    fold X. field. lra. }
  unfold Y. rewrite K. now apply is_solver.
Qed.

(** ** The theorem: between a sub-solution and a super-solution every run converges to the balanced point. *)
Theorem local_balancing_converges lo hi x : grounded g lo -> grounded g hi -> sub g r lo -> super g r hi ->
  (forall i, lo i <= x i <= hi i) ->
  exists V, minimum g r V /\ forall i, Un_cv (fun n => run solve theta s x n i) (V i).
Proof.
  intros gl gh Sl Sh B.
  assert (Lh : forall n i, run solve theta s lo n i <= run solve theta s hi n i).
  { intros n i. apply run_monotone. intro j. specialize (B j). lra. }
  assert (LL : forall n i, lo i <= run solve theta s lo n i).
  { intros n i. induction n; simpl; [lra|]. eapply Rle_trans; [exact IHn|].
    apply sub_step; auto using theta_unit, run_sub. apply is_fair. }
  assert (HH : forall n i, run solve theta s hi n i <= hi i).
  { intros n i. induction n; simpl; [lra|]. eapply Rle_trans; [|exact IHn].
    apply super_step; auto using theta_unit, run_super. apply is_fair. }
  assert (CL : forall i, {l | Un_cv (fun n => run solve theta s lo n i) l}).
  { intro i. apply growing_cv.
    - intro n. simpl. apply sub_step; auto using theta_unit, run_sub. apply is_fair.
    - exists (hi i). intros z [n ->]. eapply Rle_trans; [apply Lh|apply HH]. }
  assert (CH : forall i, {l | Un_cv (fun n => run solve theta s hi n i) l}).
  { intro i. apply decreasing_cv.
    - intro n. simpl. apply super_step; auto using theta_unit, run_super. apply is_fair.
    - exists (- lo i). intros z [n ->]. unfold opp_seq. apply Ropp_le_contravar.
      eapply Rle_trans; [apply LL|apply Lh]. }
  pose (VL := fun i => proj1_sig (CL i)). pose (VH := fun i => proj1_sig (CH i)).
  assert (cL : forall i, Un_cv (fun n => run solve theta s lo n i) (VL i)) by (intro i; apply (proj2_sig (CL i))).
  assert (cH : forall i, Un_cv (fun n => run solve theta s hi n i) (VH i)) by (intro i; apply (proj2_sig (CH i))).
  assert (gVL : grounded g VL).
  { intros i Hi. apply (cv_visits _ (fun _ => 0) _ 0 (cL i) (cv_constant 0)). intro n. exists n. split; auto.
    now apply run_grounded. }
  assert (gVH : grounded g VH).
  { intros i Hi. apply (cv_visits _ (fun _ => 0) _ 0 (cH i) (cv_constant 0)). intro n. exists n. split; auto.
    now apply run_grounded. }
  assert (E : forall i, VL i = VH i).
  { apply (balanced_point_unique g r); auto; eapply limit_balanced; eauto. }
  exists VL. split.
  - apply balanced_is_minimum; auto. eapply limit_balanced; eauto.
  - intros i eps P. destruct (cL i eps P) as [n1 H1]. destruct (cH i eps P) as [n2 H2].
    exists (n1 + n2)%nat. intros n L. specialize (H1 n ltac:(lia)). specialize (H2 n ltac:(lia)). rewrite <- E in H2.
    assert (run solve theta s lo n i <= run solve theta s x n i) by (apply run_monotone; intro j; apply B).
    assert (run solve theta s x n i <= run solve theta s hi n i) by (apply run_monotone; intro j; apply B).
    unfold R_dist in *. apply Rabs_def2 in H1. apply Rabs_def2 in H2. apply Rabs_def1; lra.
Qed.

(** ** Degree 1: every start lies between a sub- and a super-solution. *)
Lemma finite_bound (f : nat -> R) us : exists t, 0 <= t /\ forall i, In i us -> Rabs (f i) <= t.
Proof.
  induction us as [|i us [t [P H]]].
  - exists 0. split; [lra|]. intros i [].
  - exists (Rmax t (Rabs (f i))). split; [eapply Rle_trans; [exact P|apply Rmax_l]|].
    intros j [->|I]; [apply Rmax_r|eapply Rle_trans; [apply H; auto|apply Rmax_l]].
Qed.

Lemma free_is_touched i : free g i = true -> In i (units g).
Proof.
  intro F. destruct (in_dec Nat.eq_dec i (units g)) as [|N]; auto. exfalso.
  assert (K := is_anchored (set (fun _ => 0) i 1)).
  specialize (K ltac:(intros j Hj; rewrite set_other by congruence; reflexivity)).
  enough (1 = 0) by lra. rewrite <- (set_same (fun _ => 0) i 1). apply K. intros e I.
  unfold exponent. rewrite !set_other; [ring| |]; intro Q; apply N; rewrite <- Q; auto using head_in_units, tail_in_units.
Qed.

(** A constant added to all free log-scales raises every residual. *)
Lemma shifted_super V t : linear_degree g -> grounded g V -> balanced g r V -> 0 <= t ->
  super g r (fun i => if free g i then V i + t else 0) /\ sub g r (fun i => if free g i then V i - t else 0).
Proof.
  intros D gV B P. split; intros i F;
    [apply Rle_trans with (residual g r V i); [right; symmetry; auto|]|
     apply Rle_trans with (residual g r V i); [|right; auto]];
    unfold residual; rewrite !divergence_sum; apply sum_le; intros e _; unfold exponent; rewrite !D, !Rmult_1_l.
  - destruct (Nat.eqb_spec (head e) i) as [Qh|]; destruct (Nat.eqb_spec (tail e) i) as [Qt|];
      rewrite ?Rminus_diag_eq, ?Rmult_0_r by reflexivity; try lra.
    + match goal with |- ?a * _ <= ?b * _ => enough (a <= b) by lra end. apply slope_le. rewrite Qh, F.
      destruct (free g (tail e)) eqn:G; [lra|rewrite (gV (tail e)) by auto; lra].
    + match goal with |- ?a * _ <= ?b * _ => enough (b <= a) by lra end. apply slope_le. rewrite Qt, F.
      destruct (free g (head e)) eqn:G; [lra|rewrite (gV (head e)) by auto; lra].
  - destruct (Nat.eqb_spec (head e) i) as [Qh|]; destruct (Nat.eqb_spec (tail e) i) as [Qt|];
      rewrite ?Rminus_diag_eq, ?Rmult_0_r by reflexivity; try lra.
    + match goal with |- ?a * _ <= ?b * _ => enough (a <= b) by lra end. apply slope_le. rewrite Qh, F.
      destruct (free g (tail e)) eqn:G; [lra|rewrite (gV (tail e)) by auto; lra].
    + match goal with |- ?a * _ <= ?b * _ => enough (b <= a) by lra end. apply slope_le. rewrite Qt, F.
      destruct (free g (head e)) eqn:G; [lra|rewrite (gV (head e)) by auto; lra].
Qed.

(** Degree 1, an anchored graph, a minimum that is attained: relaxed or plain local balancing converges to the minimum
    from every start under every fair schedule. *)
Theorem local_balancing_converges_from_every_start V x : linear_degree g -> minimum g r V -> grounded g x ->
  forall i, Un_cv (fun n => run solve theta s x n i) (V i).
Proof.
  intros D M gx. pose proof (proj1 M) as gV. pose proof (minimum_is_balanced g r V M) as B.
  destruct (finite_bound (fun i => x i - V i) (units g)) as [t [P H]].
  destruct (shifted_super V t D gV B P) as [Sh Sl].
  destruct (local_balancing_converges (fun i => if free g i then V i - t else 0)
    (fun i => if free g i then V i + t else 0) x) as [W [MW C]]; auto.
  - intros i Hi. now rewrite Hi.
  - intros i Hi. now rewrite Hi.
  - intro i. destruct (free g i) eqn:F; [|rewrite gx by auto; lra].
    specialize (H i (free_is_touched i F)). cbv beta in H. unfold Rabs in H. destruct Rcase_abs in H; lra.
  - intro i. rewrite (balanced_point_unique g r V W); auto; [apply MW|]. now apply minimum_is_balanced.
Qed.
End Convergence.
