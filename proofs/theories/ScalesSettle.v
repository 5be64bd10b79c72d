(** Where every unit has its turn within every k steps, the log-scales themselves converge, also in parts without ground
    where they are not unique: the steps shrink like a geometric sequence. Any degree, any graph, costs of curvature
    (Rate.v), minimum attained.

    [covers g s n k]   every free unit with a connection has its turn among the k steps from step n on (Rounds.v). *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep Convergence Tangent Circulation Linear Rounds
  Stiff Descent StepShare PowerGains Rate.
Open Scope R_scope.

(** The excess of the cost falls geometrically. *)
Lemma linear_convergence g r V theta0 F k : curved g r -> minimum g r V -> 0 < theta0 -> exists rho, 0 <= rho < 1 /\
  forall s X, steps (gains g r theta0) s X -> grounded g (X 0%nat) -> total g r (X 0%nat) <= F ->
  (forall n, covers g s n k) ->
  forall j, total g r (X (j * k)%nat) - total g r V <= rho ^ j * (total g r (X 0%nat) - total g r V).
Proof.
  intros Cu Mi P0. destruct (linear_rate g r V theta0 F k Cu Mi P0) as [rho [R H]]. exists rho. split; auto.
  intros s X St G T Co. pose proof (gains_effective g r V theta0 Mi P0) as Ef. induction j as [|j IH]; [simpl; lra|].
  replace (S j * k)%nat with (j * k + k)%nat by lia.
  eapply Rle_trans; [apply (H s X (j * k)%nat); auto|].
  - apply (steps_grounded g r _ Ef s X St 0 (j * k)%nat G).
  - pose proof (steps_lower g r _ Ef s X St 0 (j * k)%nat ltac:(lia)). lra.
  - simpl. rewrite Rmult_assoc. apply Rmult_le_compat_l; [lra|auto].
Qed.

Lemma sum_seq_shift f k n : sum f (seq k n) = sum (fun l => f (k + l)%nat) (seq 0 n).
Proof.
  induction n as [|n IH]; [reflexivity|]. rewrite !seq_S, !sum_app, IH. simpl. reflexivity.
Qed.

(** A sequence of numbers that shrink by tau at least every k steps has a bounded sum. *)
Lemma shrinking_sum (a : nat -> R) tau k : 0 <= tau < 1 -> (forall n, 0 <= a n) -> (forall n, a (S n) <= a n) ->
  (forall n, a (n + k)%nat <= tau * a n) -> forall n, sum a (seq 0 n) <= INR k * a 0%nat / (1 - tau).
Proof.
  intros T P L H n.
  assert (A0 : forall l, a l <= a 0%nat) by (induction l as [|l IH]; [lra|specialize (L l); lra]).
  assert (K : sum a (seq 0 k) <= INR k * a 0%nat).
  { rewrite <- (seq_length k 0) at 2. rewrite <- sum_constant. apply sum_le. auto. }
  assert (Q : sum a (seq 0 (k + n)) <= INR k * a 0%nat + tau * sum a (seq 0 n)).
  { rewrite seq_app, sum_app. apply Rplus_le_compat; auto. rewrite Nat.add_0_l, sum_seq_shift, <- sum_scale. apply sum_le.
    intros l _. rewrite Nat.add_comm. auto. }
  assert (M : sum a (seq 0 n) <= sum a (seq 0 (k + n))).
  { rewrite Nat.add_comm, seq_app, sum_app. pose proof (sum_nonneg a (seq (0 + n) k) ltac:(auto)). lra. }
  apply Rmult_le_reg_r with (1 - tau); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

Lemma cauchy_by_sums (u a : nat -> R) B b : 0 <= B -> (forall n, 0 <= a n) -> (forall n, Rabs (u (S n) - u n) <= B * a n) ->
  (forall n, sum a (seq 0 n) <= b) -> Cauchy_crit u.
Proof.
  intros PB P H Bd. set (T := fun n => sum a (seq 0 n)).
  assert (Next : forall n, T (S n) = T n + a n) by (intro n; unfold T; rewrite seq_S, sum_app; simpl; ring).
  assert (Gr : Un_growing T) by (intro n; rewrite Next; specialize (P n); lra).
  assert (Ub : has_ub T) by (exists b; intros v [n ->]; apply Bd).
  pose proof (CV_Cauchy T (growing_cv T Gr Ub)) as C.
  assert (Diff : forall n m, (n <= m)%nat -> Rabs (u m - u n) <= B * (T m - T n)).
  { induction 1 as [|m L IH]; [rewrite !Rminus_eq_0, Rabs_R0; lra|].
    replace (u (S m) - u n) with ((u (S m) - u m) + (u m - u n)) by ring. eapply Rle_trans; [apply Rabs_triang|].
    specialize (H m). rewrite Next. lra. }
  intros eps Pe. assert (Pe' : 0 < eps / (B + 1)) by (apply Rdiv_lt_0_compat; lra).
  destruct (C (eps / (B + 1)) Pe') as [N HN]. exists N.
  assert (K : forall n m, (N <= n)%nat -> (n <= m)%nat -> Rabs (u m - u n) < eps).
  { intros n m Ln L. eapply Rle_lt_trans; [now apply Diff|]. specialize (HN m n ltac:(lia) ltac:(lia)).
    unfold R_dist in HN. pose proof (Rle_abs (T m - T n)).
    replace eps with ((B + 1) * (eps / (B + 1))) by (field; lra).
    assert (0 <= Rabs (T m - T n)) by apply Rabs_pos. nra. }
  intros n m Ln Lm. unfold R_dist. destruct (Nat.le_ge_cases n m) as [L|L].
  - rewrite Rabs_minus_sym. now apply K.
  - now apply K.
Qed.

(** Where the excess falls by a factor rho < 1 at least every k steps, the log-scales converge to those of a minimum. *)
Lemma shrinking_excess_settles g r V theta0 k rho s X : curved g r -> minimum g r V -> 0 < theta0 ->
  steps (gains g r theta0) s X -> grounded g (X 0%nat) -> 0 <= rho < 1 ->
  (forall n, total g r (X (n + k)%nat) - total g r V <= rho * (total g r (X n) - total g r V)) ->
  (forall i, free g i = true -> exists e, In e (connections g) /\ form g e i <> 0) ->
  exists W, minimum g r W /\ forall i, Un_cv (fun n => X n i) (W i).
Proof.
  intros Cu Mi P0 St G Rr Rate Touch. set (F := total g r (X 0%nat)).
  destruct (cost_bounds_exponents g r V F Mi) as [M [PM B]].
  destruct (Cu M PM) as [mu [lam [Pmu [Pl C]]]].
  pose proof (gains_effective g r V theta0 Mi P0) as Ef. pose proof (theta_mu theta0 P0 mu Pmu) as Ptm.
  assert (Gr : forall n, grounded g (X n)) by (intro n; apply (steps_grounded g r _ Ef s X St 0 n G)).
  assert (Low : forall n, total g r (X n) <= F) by (intro n; apply (steps_lower g r _ Ef s X St 0 n); lia).
  set (D := fun n => total g r (X n) - total g r V).
  assert (PD : forall n, 0 <= D n) by (intro n; pose proof (proj2 Mi (X n) (Gr n)); unfold D; lra).
  assert (LD : forall n, D (S n) <= D n).
  { intro n. unfold D. pose proof (steps_lower g r _ Ef s X St n (S n) ltac:(lia)). lra. }
  assert (RD : forall n, D (n + k)%nat <= rho * D n) by exact Rate.
  (* a step moves the log-scale by a multiple of the root of the excess *)
  destruct (common_positive (fun i d => free g i = true -> exists e, In e (connections g) /\ d <= Rabs (form g e i)) (active g))
    as [phi [Pphi Phi]].
  { intros i d d' K L Fi. destruct (K Fi) as [e [I Q]]. exists e. split; auto. lra. }
  { intros i I. apply active_free in I. destruct (Touch i (proj2 I)) as [e [Ie N]]. exists (Rabs (form g e i)).
    split; [now apply Rabs_pos_lt|]. intros _. exists e. split; auto. lra. }
  assert (Move : forall n i, Rabs (X (S n) i - X n i) <= 2 / phi * reach_of theta0 mu (D n)).
  { intros n i. assert (PR : 0 <= 2 / phi * reach_of theta0 mu (D n)).
    { apply Rmult_le_pos; [left; now apply Rdiv_lt_0_compat; lra|apply sqrt_pos]. }
    destruct (St n) as [Fs [O _]]. destruct (Nat.eq_dec i (s n)) as [->|N].
    2:{ rewrite O by auto. rewrite Rminus_eq_0, Rabs_R0. exact PR. }
    assert (As : In (s n) (active g)).
    { apply active_free. split; auto. destruct (Touch (s n) Fs) as [e [I Q]].
      destruct (in_dec Nat.eq_dec (s n) (units g)) as [|U]; auto. exfalso. apply Q. unfold form.
      destruct (Nat.eqb_spec (head e) (s n)) as [E|_]; [exfalso; apply U; rewrite <- E; now apply head_in_units|].
      destruct (Nat.eqb_spec (tail e) (s n)) as [E|_]; [exfalso; apply U; rewrite <- E; now apply tail_in_units|ring]. }
    destruct (Phi (s n) As Fs) as [e [I Q]].
    destruct (step_bounds g r theta0 F P0 M mu lam Pmu Pl B C (s n) (X n) (X (S n)) (D n) (Gr n) (Low n) (St n)) as [E _].
    { unfold D. pose proof (proj2 Mi (X (S n)) (Gr (S n))). lra. }
    specialize (E e I).
    assert (Eq : exponent g (X (S n)) e - exponent g (X n) e = (X (S n) (s n) - X n (s n)) * form g e (s n)).
    { unfold exponent, form. destruct (Nat.eqb_spec (head e) (s n)) as [Eh|Nh]; destruct (Nat.eqb_spec (tail e) (s n)) as [Et|Nt];
        rewrite ?Eh, ?Et, ?(O (head e)), ?(O (tail e)) by auto; ring. }
    rewrite Eq, Rabs_mult in E. set (a := Rabs (X (S n) (s n) - X n (s n))) in *.
    assert (0 <= a) by apply Rabs_pos. apply Rmult_le_reg_r with phi; auto.
    replace (2 / phi * reach_of theta0 mu (D n) * phi) with (2 * reach_of theta0 mu (D n)) by (field; lra).
    eapply Rle_trans; [|exact E]. now apply Rmult_le_compat_l. }
  assert (Pos : forall n, 0 <= D n / (theta0 * mu)).
  { intro n. unfold Rdiv. apply Rmult_le_pos; [auto|left; now apply Rinv_0_lt_compat]. }
  assert (Tau : 0 <= sqrt rho < 1).
  { split; [apply sqrt_pos|]. rewrite <- sqrt_1. apply sqrt_lt_1_alt. exact Rr. }
  assert (Sums := shrinking_sum (fun n => reach_of theta0 mu (D n)) (sqrt rho) k Tau).
  cbv beta in Sums. specialize (Sums ltac:(intro; apply sqrt_pos)).
  assert (Inv : 0 < / (theta0 * mu)) by now apply Rinv_0_lt_compat.
  specialize (Sums ltac:(intro n; apply sqrt_le_1_alt; unfold Rdiv; apply Rmult_le_compat_r; [lra|auto])).
  assert (Sh : forall n, reach_of theta0 mu (D (n + k)%nat) <= sqrt rho * reach_of theta0 mu (D n)).
  { intro n. unfold reach_of. rewrite <- sqrt_mult by (auto; lra). apply sqrt_le_1_alt. unfold Rdiv. rewrite <- Rmult_assoc.
    apply Rmult_le_compat_r; [lra|auto]. }
  specialize (Sums Sh).
  assert (Cv : forall i, Cauchy_crit (fun n => X n i)).
  { intro i. apply (cauchy_by_sums _ (fun n => reach_of theta0 mu (D n)) (2 / phi) _) with (4 := Sums).
    - left. apply Rdiv_lt_0_compat; lra.
    - intro n. apply sqrt_pos.
    - intro n. apply Move. }
  set (W := fun i => proj1_sig (R_complete _ (Cv i))).
  assert (CW : forall i, Un_cv (fun n => X n i) (W i)) by (intro i; unfold W; destruct R_complete; auto).
  exists W. split; auto.
  (* the limit has the exponents of the minimum *)
  assert (EW : forall e, In e (connections g) -> exponent g W e = exponent g V e).
  { intros e I. apply (UL_sequence (fun n => exponent g (X n) e)).
    - unfold exponent. apply CV_minus; auto. apply CV_mult; auto using cv_constant.
    - intros eps Pe. destruct (near_minimum g r V eps Mi Pe) as [d [Pd H]].
      destruct (pow_lt_1_zero rho ltac:(rewrite Rabs_right; lra) (d / (D 0%nat + 1))
        ltac:(apply Rdiv_lt_0_compat; [auto|specialize (PD 0%nat); lra])) as [N HN].
      exists (N * k)%nat. intros n Ln. apply H; auto. specialize (HN N (le_n N)).
      rewrite Rabs_right in HN by (apply Rle_ge, pow_le; lra).
      assert (Geo : forall j, D (j * k)%nat <= rho ^ j * D 0%nat).
      { induction j as [|j IH]; [simpl; lra|]. replace (S j * k)%nat with (j * k + k)%nat by lia.
        eapply Rle_trans; [apply RD|]. simpl. rewrite Rmult_assoc. apply Rmult_le_compat_l; [lra|auto]. }
      pose proof (steps_lower g r _ Ef s X St (N * k)%nat n Ln). specialize (Geo N). pose proof (PD 0%nat).
      assert (rho ^ N * D 0%nat < d).
      { apply Rle_lt_trans with (d / (D 0%nat + 1) * D 0%nat); [apply Rmult_le_compat_r; lra|].
        apply Rmult_lt_reg_r with (D 0%nat + 1); [lra|].
        replace (d / (D 0%nat + 1) * D 0%nat * (D 0%nat + 1)) with (d * D 0%nat) by (field; lra). nra. }
      unfold D in *. lra. }
  split.
  - intros i Fi. apply (UL_sequence (fun n => X n i)); auto. intros eps Pe. exists 0%nat. intros n _. unfold R_dist.
    rewrite (Gr n i Fi), Rminus_0_r, Rabs_R0. exact Pe.
  - intros y Gy. replace (total g r W) with (total g r V); [now apply Mi|]. apply sum_ext. intros e I. now rewrite EW.
Qed.

(** So they do where every unit has its turn within every k steps. *)
Theorem scales_settle g r V theta0 k s X : curved g r -> minimum g r V -> 0 < theta0 -> steps (gains g r theta0) s X ->
  grounded g (X 0%nat) -> (forall n, covers g s n k) ->
  (forall i, free g i = true -> exists e, In e (connections g) /\ form g e i <> 0) ->
  exists W, minimum g r W /\ forall i, Un_cv (fun n => X n i) (W i).
Proof.
  intros Cu Mi P0 St G Co Touch. destruct (linear_rate g r V theta0 (total g r (X 0%nat)) k Cu Mi P0) as [rho [Rr Rate]].
  pose proof (gains_effective g r V theta0 Mi P0) as Ef.
  apply (shrinking_excess_settles g r V theta0 k rho s X); auto. intro n. apply (Rate s X n); auto.
  - apply (steps_grounded g r _ Ef s X St 0 n G).
  - apply (steps_lower g r _ Ef s X St 0 n). lia.
Qed.

(** Powers, exact or relaxed steps: the rate ... *)
Corollary balancing_rate (p : posreal) g solve V theta0 F k : solves g (power p) solve -> minimum g (power p) V -> 0 < theta0 ->
  exists rho, 0 <= rho < 1 /\ forall theta s x, (forall n, theta0 <= theta n <= 1) -> (forall n, free g (s n) = true) ->
  (forall n, covers g s n k) -> grounded g x -> total g (power p) x <= F -> forall j,
  total g (power p) (run solve theta s x (j * k)) - total g (power p) V <=
  rho ^ j * (total g (power p) x - total g (power p) V).
Proof.
  intros Sol M P0. destruct (linear_convergence g (power p) V theta0 F k (powers_curved p g) M P0) as [rho [R H]].
  exists rho. split; auto. intros theta s x Pt Fs Co G T. apply (H s (run solve theta s x)); auto.
  intro n. simpl. apply relaxed_gains; auto; lra.
Qed.

(** ... and the log-scales. *)
Corollary balancing_scales_settle (p : posreal) g solve V theta theta0 s x k : solves g (power p) solve ->
  minimum g (power p) V -> 0 < theta0 -> (forall n, theta0 <= theta n <= 1) -> (forall n, free g (s n) = true) ->
  (forall n, covers g s n k) -> grounded g x ->
  (forall i, free g i = true -> exists e, In e (connections g) /\ form g e i <> 0) ->
  exists W, minimum g (power p) W /\ forall i, Un_cv (fun n => run solve theta s x n i) (W i).
Proof.
  intros Sol M P0 Pt Fs Co G Touch. apply (scales_settle g (power p) V theta0 k s); auto using powers_curved.
  intro n. simpl. apply relaxed_gains; auto; lra.
Qed.
