(** How fast: where a minimum is attained and every unit has its turn within every k steps, the excess of the cost over the
    minimum falls by a constant factor at least every k steps (linear convergence). Any degree, any graph, powers and other
    costs of curvature.

    [curved g r]   on bounded log-multipliers, costs lie above their tangents by a multiple of the square of the distance, and
                   slopes are Lipschitz continuous; powers are curved (powers_curved).
    The factor rho depends on the network, on k, on the share theta0 that steps gain (StepShare.v) and on a bound F of the
    cost at the start, not on the schedule. *)
From Coq Require Import Reals Psatz List Arith Lia.
From synbal Require Import Sums Graph Regularizer Convexity LocalStep PowerStep Certificates ErrorBound Tangent Circulation
  Linear Rounds StepShare PowerGains.
Open Scope R_scope.

Definition curved g r := forall M, 0 <= M -> exists mu lam, 0 < mu /\ 0 <= lam /\
  forall e, In e (connections g) -> forall s t, Rabs s <= M -> Rabs t <= M ->
    mu * ((t - s) * (t - s)) <= above_tangent r e s t /\ Rabs (slope r e t - slope r e s) <= lam * Rabs (t - s).

Lemma root_bound a b : 0 <= b -> a * a <= b -> Rabs a <= sqrt b.
Proof. intros P H. rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. exact H. Qed.

Section Rate.
Variables (g : graph) (r : regularizer) (V : point) (theta0 F : R).
Hypotheses (V_minimum : minimum g r V) (theta0_pos : 0 < theta0).
Variables (M mu lam : R).
Hypotheses (mu_pos : 0 < mu) (lam_nonneg : 0 <= lam).
Hypothesis bounded : forall x, grounded g x -> total g r x <= F ->
  forall e, In e (connections g) -> Rabs (exponent g x e) <= M.
Hypothesis curvature : forall e, In e (connections g) -> forall s t, Rabs s <= M -> Rabs t <= M ->
  mu * ((t - s) * (t - s)) <= above_tangent r e s t /\ Rabs (slope r e t - slope r e s) <= lam * Rabs (t - s).

Definition reach_of d := sqrt (d / (theta0 * mu)).

Lemma theta_mu : 0 < theta0 * mu.
Proof. now apply Rmult_lt_0_compat. Qed.

(** Residuals are Lipschitz continuous. *)
Lemma residual_lipschitz x y b i : grounded g x -> grounded g y -> total g r x <= F -> total g r y <= F -> 0 <= b ->
  (forall e, In e (connections g) -> Rabs (exponent g y e - exponent g x e) <= b) ->
  Rabs (residual g r y i - residual g r x i) <= lam * reaches g * b.
Proof.
  intros Gx Gy Tx Ty Pb H. unfold residual. rewrite !divergence_sum, <- sum_minus. eapply Rle_trans; [apply sum_Rabs|].
  replace (lam * reaches g * b) with (lam * b * reaches g) by ring. unfold reaches. rewrite <- sum_scale. apply sum_le.
  intros e I. rewrite <- Rmult_minus_distr_r, Rabs_mult.
  assert (0 <= lam * b) by now apply Rmult_le_pos.
  apply Rmult_le_compat; [apply Rabs_pos|apply Rabs_pos| |apply form_bound].
  destruct (curvature e I (exponent g x e) (exponent g y e) (bounded x Gx Tx e I) (bounded y Gy Ty e I)) as [_ L].
  eapply Rle_trans; [exact L|]. apply Rmult_le_compat_l; auto.
Qed.

(** A step that lowers the cost by at most d moves exponents, and finds a residual, of the order of the root of d. *)
Lemma step_bounds i x y d : grounded g x -> total g r x <= F -> gains g r theta0 i x y -> total g r x - total g r y <= d ->
  (forall e, In e (connections g) -> Rabs (exponent g y e - exponent g x e) <= 2 * reach_of d) /\
  Rabs (residual g r x i) <= lam * reaches g * reach_of d.
Proof.
  intros G T [Fi [O [z [B Ty]]]] Hd. pose proof theta_mu as Ptm.
  pose proof (local_step_never_raises g r i x z B) as Lz.
  assert (Gz : grounded g z) by (intros j Fj; rewrite (proj1 B) by congruence; auto).
  assert (Gy : grounded g y) by (intros j Fj; rewrite O by congruence; auto).
  assert (Bzy : balances g r i y z) by (split; [intros j N; rewrite O by auto; now apply B|apply B]).
  pose proof (local_step_never_raises g r i y z Bzy) as Lyz.
  assert (Dz : total g r x - total g r z <= d / theta0).
  { apply Rmult_le_reg_l with theta0; auto. replace (theta0 * (d / theta0)) with d by (field; lra). lra. }
  assert (Tyx : total g r y <= total g r x) by nra.
  assert (Near : forall w, grounded g w -> balances g r i w z -> total g r w <= total g r x ->
    forall e, In e (connections g) -> Rabs (exponent g w e - exponent g z e) <= reach_of d).
  { intros w Gw Bw Tw e I. apply root_bound.
    - unfold Rdiv. apply Rmult_le_pos; [|left; now apply Rinv_0_lt_compat].
      pose proof (local_step_never_raises g r i w z Bw).
      assert (0 <= d / theta0) by lra. apply Rmult_le_reg_r with (/ theta0); [now apply Rinv_0_lt_compat|].
      rewrite Rmult_0_l. exact H0.
    - destruct (curvature e I (exponent g z e) (exponent g w e) (bounded z Gz ltac:(lra) e I)
        (bounded w Gw ltac:(lra) e I)) as [C _].
      pose proof (exact_step_gain g r i w z Bw) as E.
      pose proof (sum_member (fun e => above_tangent r e (exponent g z e) (exponent g w e)) (connections g) e
        ltac:(intros; apply above_tangent_nonneg) I) as S. cbv beta in S.
      apply Rmult_le_reg_l with mu; auto. replace (mu * (d / (theta0 * mu))) with (d / theta0) by (field; lra). lra. }
  assert (Bx : forall e, In e (connections g) -> Rabs (exponent g x e - exponent g z e) <= reach_of d) by (apply Near; auto; lra).
  split.
  - intros e I. pose proof (Bx e I) as Hx. pose proof (Near y Gy Bzy Tyx e I) as Hy.
    apply Rabs_between in Hx. apply Rabs_between in Hy. apply Rabs_le. lra.
  - replace (residual g r x i) with (residual g r x i - residual g r z i) by (rewrite (proj2 B); ring).
    apply residual_lipschitz; auto; [lra|apply sqrt_pos].
Qed.

(** A round of k steps that lowers the cost by d: all residuals at its start are of the order of the root of d. *)
Lemma round_bounds s X n k : effective g r (gains g r theta0) -> steps (gains g r theta0) s X -> grounded g (X n) ->
  total g r (X n) <= F -> covers g s n k -> let d := total g r (X n) - total g r (X (n + k)%nat) in
  forall j, In j (active g) -> Rabs (residual g r (X n) j) <= lam * reaches g * (1 + 2 * INR k) * reach_of d.
Proof.
  intros Ef St G T C d j Ij. destruct (C j Ij) as [m [Lm Em]].
  assert (Gr : forall l, (n <= l)%nat -> grounded g (X l)).
  { intros l L. replace l with (n + (l - n))%nat by lia. now apply (steps_grounded g r _ Ef s). }
  assert (Lo : forall a b, (a <= b)%nat -> total g r (X b) <= total g r (X a)) by (intros; now apply (steps_lower g r _ Ef s)).
  assert (Pr : 0 <= reach_of d) by apply sqrt_pos.
  assert (One : forall l, (n <= l < n + k)%nat -> total g r (X l) - total g r (X (S l)) <= d).
  { intros l L. unfold d. pose proof (Lo n l ltac:(lia)). pose proof (Lo (S l) (n + k)%nat ltac:(lia)). lra. }
  assert (Move : forall l, (l <= k)%nat -> forall e, In e (connections g) ->
    Rabs (exponent g (X (n + l)%nat) e - exponent g (X n) e) <= INR l * (2 * reach_of d)).
  { induction l as [|l IH]; intros L e I.
    - rewrite Nat.add_0_r, Rminus_eq_0, Rabs_R0. simpl. lra.
    - specialize (IH ltac:(lia) e I). rewrite Nat.add_succ_r, S_INR.
      destruct (step_bounds (s (n + l)%nat) (X (n + l)%nat) (X (S (n + l))) d) as [B _]; auto.
      + apply Gr. lia.
      + pose proof (Lo n (n + l)%nat ltac:(lia)). lra.
      + apply One. lia.
      + specialize (B e I). apply Rabs_between in B. apply Rabs_between in IH. apply Rabs_le. lra. }
  destruct (step_bounds (s m) (X m) (X (S m)) d) as [_ B]; auto.
  - apply Gr. lia.
  - pose proof (Lo n m ltac:(lia)). lra.
  - rewrite Em in B.
    assert (Lip : Rabs (residual g r (X m) j - residual g r (X n) j) <= lam * reaches g * (INR k * (2 * reach_of d))).
    { apply residual_lipschitz; auto.
      - apply Gr. lia.
      - pose proof (Lo n m ltac:(lia)). lra.
      - apply Rmult_le_pos; [apply pos_INR|lra].
      - intros e I. pose proof (Move (m - n)%nat ltac:(lia) e I) as Q. replace (n + (m - n))%nat with m in Q by lia.
        eapply Rle_trans; [exact Q|]. apply Rmult_le_compat_r; [lra|]. apply le_INR. lia. }
    replace (residual g r (X n) j) with (residual g r (X m) j + - (residual g r (X m) j - residual g r (X n) j)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp.
    replace (lam * reaches g * (1 + 2 * INR k) * reach_of d) with
      (lam * reaches g * reach_of d + lam * reaches g * (INR k * (2 * reach_of d))) by ring. lra.
Qed.

(** The excess of the cost is of the order of the square of the residuals. *)
Lemma excess_bound : exists C, 0 <= C /\ forall x R, grounded g x -> total g r x <= F -> 0 <= R ->
  (forall j, In j (active g) -> Rabs (residual g r x j) <= R) -> total g r x - total g r V <= C * (R * R).
Proof.
  destruct (bounded_exponents g (active g) (active_nodup g)) as [C [PC H]].
  set (N := sum (fun _ => C) (units g)). assert (PN : 0 <= N) by (apply sum_nonneg; auto).
  exists (N * N / mu). split; [unfold Rdiv; apply Rmult_le_pos; [nra|left; now apply Rinv_0_lt_compat]|].
  intros x R G T PR Res. set (D := total g r x - total g r V).
  assert (PD : 0 <= D) by (unfold D; pose proof (proj2 V_minimum x G); lra).
  set (b := sqrt (D / mu)). assert (PDm : 0 <= D / mu) by (unfold Rdiv; apply Rmult_le_pos; [auto|left; now apply Rinv_0_lt_compat]).
  assert (Pb : 0 <= b) by apply sqrt_pos. assert (Eb : b * b = D / mu) by now apply sqrt_sqrt.
  set (h := fun i => V i - x i).
  assert (Gh : grounded g h) by (intros i Fi; unfold h; rewrite G, (proj1 V_minimum) by auto; ring).
  assert (Z : forall i, In i (units g) -> ~ In i (active g) -> h i = 0).
  { intros i U Ni. destruct (free g i) eqn:Fi; [|now apply Gh]. exfalso. apply Ni. now apply active_free. }
  assert (Bh : forall e, In e (connections g) -> Rabs (exponent g h e) <= b).
  { intros e I. unfold h. rewrite exponent_minus, <- Rabs_Ropp. apply root_bound; auto.
    destruct (curvature e I (exponent g V e) (exponent g x e)) as [Cu _].
    - apply bounded; auto; [apply V_minimum|]. unfold D in PD. lra.
    - now apply bounded.
    - pose proof (total_minus_minimum g r V x V_minimum G) as E. fold D in E.
      pose proof (sum_member (fun e => above_tangent r e (exponent g V e) (exponent g x e)) (connections g) e
        ltac:(intros; apply above_tangent_nonneg) I) as S. cbv beta in S.
      apply Rmult_le_reg_l with mu; auto. replace (mu * (D / mu)) with D by (field; lra).
      replace (- (exponent g V e - exponent g x e)) with (exponent g x e - exponent g V e) by ring. lra. }
  destruct (H (keep (active g) h) b Pb (keep_supported _ h)) as [y [Sy [Ey By]]].
  { intros e I. rewrite keep_exponent; auto. }
  assert (E : sum (fun i => h i * residual g r x i) (units g) = sum (fun i => y i * residual g r x i) (units g)).
  { unfold residual. rewrite <- !by_parts. apply sum_ext. intros e I. rewrite Ey, keep_exponent by auto. reflexivity. }
  assert (K : Rabs (sum (fun i => y i * residual g r x i) (units g)) <= N * (b * R)).
  { eapply Rle_trans; [apply sum_Rabs|]. unfold N. rewrite Rmult_comm, <- sum_scale. apply sum_le. intros i _.
    rewrite Rabs_mult. destruct (in_dec Nat.eq_dec i (active g)) as [I|Ni].
    - replace (b * R * C) with (C * b * R) by ring. apply Rmult_le_compat; auto using Rabs_pos.
    - rewrite (Sy i Ni), Rabs_R0, Rmult_0_l. apply Rmult_le_pos; [now apply Rmult_le_pos|auto]. }
  pose proof (total_above_tangent g r x V) as Tan. fold h in Tan.
  change (fun i => (V i - x i) * residual g r x i) with (fun i => h i * residual g r x i) in Tan. rewrite E in Tan.
  apply Rabs_between in K. assert (DK : D <= N * (b * R)) by (unfold D; lra).
  (* D <= N b R and b b = D / mu *)
  assert (Dm : D = mu * (b * b)) by (rewrite Eb; field; lra).
  replace (N * N / mu * (R * R)) with ((N * R) * (N * R) / mu) by (field; lra).
  destruct (Rle_lt_dec b 0) as [B0|B0].
  - assert (b = 0) by lra. rewrite Dm, H0. replace (mu * (0 * 0)) with 0 by ring.
    unfold Rdiv. apply Rmult_le_pos; [nra|left; now apply Rinv_0_lt_compat].
  - assert (Q : mu * b <= N * R) by (apply Rmult_le_reg_r with b; auto; lra).
    apply Rmult_le_reg_l with mu; auto. replace (mu * ((N * R) * (N * R) / mu)) with ((N * R) * (N * R)) by (field; lra).
    rewrite Dm. replace (mu * (mu * (b * b))) with ((mu * b) * (mu * b)) by ring.
    apply Rmult_le_compat; auto; apply Rmult_le_pos; lra.
Qed.
End Rate.

(** The theorem: a round of at most k steps multiplies the excess by at most rho. *)
Theorem linear_rate g r V theta0 F k : curved g r -> minimum g r V -> 0 < theta0 -> exists rho, 0 <= rho < 1 /\
  forall s X n, steps (gains g r theta0) s X -> grounded g (X n) -> total g r (X n) <= F -> covers g s n k ->
  total g r (X (n + k)%nat) - total g r V <= rho * (total g r (X n) - total g r V).
Proof.
  intros Cu Mi P0. destruct (cost_bounds_exponents g r V F Mi) as [M [PM B]].
  destruct (Cu M PM) as [mu [lam [Pmu [Pl C]]]].
  destruct (excess_bound g r V F Mi M mu lam Pmu B C) as [A [PA H]].
  pose proof (gains_effective g r V theta0 Mi P0) as Ef. pose proof (theta_mu theta0 P0 mu Pmu) as Ptm.
  set (w := lam * reaches g * (1 + 2 * INR k)).
  assert (Pw : 0 <= w).
  { unfold w. pose proof (pos_INR k). apply Rmult_le_pos; [apply Rmult_le_pos; auto using reaches_nonneg|lra]. }
  set (G := A * (w * w) / (theta0 * mu)).
  assert (PG : 0 <= G).
  { unfold G, Rdiv. apply Rmult_le_pos; [apply Rmult_le_pos; [auto|nra]|left; now apply Rinv_0_lt_compat]. }
  exists (1 - / (G + 1)). assert (I1 : 0 < / (G + 1) <= 1).
  { split; [apply Rinv_0_lt_compat; lra|]. rewrite <- Rinv_1 at 2. apply Rinv_le_contravar; lra. }
  split; [lra|]. intros s X n St Gr T Co.
  set (d := total g r (X n) - total g r (X (n + k)%nat)).
  assert (Pd : 0 <= d) by (unfold d; pose proof (steps_lower g r _ Ef s X St n (n + k)%nat ltac:(lia)); lra).
  assert (Pdt : 0 <= d / (theta0 * mu)) by (unfold Rdiv; apply Rmult_le_pos; [auto|left; now apply Rinv_0_lt_compat]).
  assert (D : total g r (X n) - total g r V <= G * d).
  { replace (G * d) with (A * (w * reach_of theta0 mu d * (w * reach_of theta0 mu d))).
    - apply H; auto; [apply Rmult_le_pos; [auto|apply sqrt_pos]|].
      apply (round_bounds g r theta0 F P0 M mu lam Pmu Pl B C s X n k Ef St Gr T Co).
    - replace (w * reach_of theta0 mu d * (w * reach_of theta0 mu d)) with
        (w * w * (reach_of theta0 mu d * reach_of theta0 mu d)) by ring.
      unfold reach_of. rewrite sqrt_sqrt by auto. unfold G. field. lra. }
  assert (E : total g r (X n) - total g r V <= (G + 1) * d) by lra.
  assert (/ (G + 1) * (total g r (X n) - total g r V) <= d).
  { apply Rmult_le_reg_l with (G + 1); [lra|]. rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra. exact E. }
  unfold d in *. lra.
Qed.

(** Powers are curved. *)
Theorem powers_curved (p : posreal) g : curved g (power p).
Proof.
  intros M PM. pose proof (cond_pos p) as P.
  destruct (common_positive (fun e d => d <= amplitude p e) (connections g)) as [a [Pa A]]; [intros; lra| |].
  { intros e _. exists (amplitude p e). split; [apply amplitude_pos|lra]. }
  destruct (common_bound (amplitude p) (connections g)) as [b [Pb Bb]].
  assert (S : forall e s t, In e (connections g) -> Rabs s <= M -> Rabs t <= M -> s <= t ->
    p * p * (a * exp (- (p * M))) * (t - s) <= power_slope p e t - power_slope p e s <= p * p * (b * exp (p * M)) * (t - s)).
  { intros e s t I Bs Bt L. unfold power_slope. apply Rabs_between in Bs. apply Rabs_between in Bt.
    pose proof (OneUnit.exp_above_tangent (p * s) (p * t)) as T1. pose proof (OneUnit.exp_above_tangent (p * t) (p * s)) as T2.
    pose proof (exp_le (- (p * M)) (p * s) ltac:(nra)) as E1. pose proof (exp_le (p * t) (p * M) ltac:(nra)) as E2.
    pose proof (exp_pos (- (p * M))). pose proof (exp_pos (p * t)). specialize (A e I). specialize (Bb e I). cbv beta in *.
    assert (Ptp : 0 <= p * (t - s)) by (apply Rmult_le_pos; lra). pose proof (amplitude_pos p e).
    split.
    - replace (p * p * (a * exp (- (p * M))) * (t - s)) with (p * (a * (exp (- (p * M)) * (p * (t - s))))) by ring.
      rewrite <- Rmult_minus_distr_l. apply Rmult_le_compat_l; [lra|]. rewrite <- Rmult_minus_distr_l.
      apply Rmult_le_compat; [lra|apply Rmult_le_pos; lra|auto|].
      apply Rle_trans with (exp (p * s) * (p * (t - s))); [now apply Rmult_le_compat_r|lra].
    - replace (p * p * (b * exp (p * M)) * (t - s)) with (p * (b * (exp (p * M) * (p * (t - s))))) by ring.
      rewrite <- Rmult_minus_distr_l. apply Rmult_le_compat_l; [lra|]. rewrite <- Rmult_minus_distr_l.
      apply Rmult_le_compat; [lra| |auto|].
      + pose proof (exp_le (p * s) (p * t) ltac:(nra)). lra.
      + apply Rle_trans with (exp (p * t) * (p * (t - s))); [lra|now apply Rmult_le_compat_r]. }
  exists (p * p * (a * exp (- (p * M))) / 4), (p * p * (b * exp (p * M))).
  pose proof (exp_pos (- (p * M))). pose proof (exp_pos (p * M)).
  assert (0 < p * p * (a * exp (- (p * M)))) by (apply Rmult_lt_0_compat; apply Rmult_lt_0_compat; lra).
  split; [lra|]. split; [apply Rmult_le_pos; [nra|apply Rmult_le_pos; lra]|].
  intros e I s t Bs Bt. split.
  - pose proof (above_tangent_middle (power p) e s t) as Mid. simpl in Mid.
    assert (Bm : Rabs ((s + t) / 2) <= M).
    { apply Rabs_between in Bs. apply Rabs_between in Bt. apply Rabs_le. lra. }
    destruct (Rle_dec s t) as [L|L].
    + destruct (S e s ((s + t) / 2) I Bs Bm ltac:(lra)) as [X _]. nra.
    + destruct (S e ((s + t) / 2) s I Bm Bs ltac:(lra)) as [X _]. nra.
  - simpl. destruct (Rle_dec s t) as [L|L].
    + destruct (S e s t I Bs Bt L) as [X Y]. rewrite (Rabs_right (t - s)) by lra.
      apply Rabs_le. split; [|lra]. nra.
    + destruct (S e t s I Bt Bs ltac:(lra)) as [X Y]. rewrite (Rabs_left (t - s)) by lra.
      apply Rabs_le. split; [lra|nra].
Qed.
