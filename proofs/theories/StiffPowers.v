(** L_p: the cost is stiff as the descent argument needs it (Rounds.v) whether a minimum is attained or not, any degree, any
    graph. Where none is, exponents have no bound below, so the argument is about costs: moving units of small residuals
    without raising the total changes all costs little. Among the connections of cost at least tau the move is small, for
    their costs would grow faster than small residuals allow; the others are small before and after.

    [mild p g F J d x y]   from x to y only units of J move, their residuals at x are at most d, the cost is at most F and
                           does not rise. *)
From Coq Require Import Reals Psatz List Arith Lia Bool.
From synbal Require Import Sums Graph Regularizer PowerStep Certificates ErrorBound Existence Attained Tangent Linear Rounds
  PowerGains.
Import ListNotations.
Open Scope R_scope.

Lemma exp_excess kappa : 0 < kappa -> exists beta, 0 < beta /\ forall u, kappa <= Rabs u -> beta * Rabs u <= exp u - 1 - u.
Proof.
  intro P. pose proof (exp_increasing 0 (kappa / 2) ltac:(lra)) as U. pose proof (exp_increasing (- (kappa / 2)) 0 ltac:(lra)) as L.
  rewrite exp_0 in U, L.
  assert (M : forall m, exp m - 1 - m >= 0) by (intro m; pose proof (exp_ineq1_le m); lra).
  assert (T : forall u m, (exp m - 1) * (u - m) <= exp u - 1 - u).
  { intros u m. pose proof (OneUnit.exp_above_tangent m u). specialize (M m). lra. }
  exists (Rmin ((exp (kappa / 2) - 1) / 2) ((1 - exp (- (kappa / 2))) / 2)). split; [apply Rmin_pos; lra|].
  intros u A. set (b := Rmin _ _).
  assert (b <= (exp (kappa / 2) - 1) / 2) by apply Rmin_l. assert (b <= (1 - exp (- (kappa / 2))) / 2) by apply Rmin_r.
  unfold Rabs in *. destruct Rcase_abs.
  - eapply Rle_trans; [|apply (T u (- (kappa / 2)))]. nra.
  - eapply Rle_trans; [|apply (T u (kappa / 2))]. nra.
Qed.

Lemma largest {T} (f : T -> R) l : exists b, 0 <= b /\ (forall a, In a l -> Rabs (f a) <= b) /\
  (b = 0 \/ exists a, In a l /\ Rabs (f a) = b).
Proof.
  induction l as [|a l [b [Pb [H E]]]].
  - exists 0. split; [lra|]. split; [intros a []|auto].
  - destruct (Rle_dec (Rabs (f a)) b) as [L|L].
    + exists b. split; auto. split; [intros c [<-|I]; auto|]. destruct E as [E|[c [I E]]]; [auto|right; exists c; simpl; auto].
    + exists (Rabs (f a)). pose proof (Rabs_pos (f a)). split; auto. split; [|right; exists a; simpl; auto].
      intros c [<-|I]; [lra|]. specialize (H c I). lra.
Qed.

Lemma filter_shorter {T} (q q' : T -> bool) l : (forall a, q' a = true -> q a = true) ->
  (exists a, In a l /\ q a = true /\ q' a = false) -> (length (filter q' l) < length (filter q l))%nat.
Proof.
  intro H. assert (W : forall l, (length (filter q' l) <= length (filter q l))%nat).
  { clear l. intro l. induction l as [|a l IH]; simpl; auto. specialize (H a). destruct (q' a); [rewrite H by auto; simpl; lia|].
    destruct (q a); simpl; lia. }
  induction l as [|a l IH]; intros [b [I [Q Q']]]; [destruct I|]. simpl. specialize (W l). destruct I as [->|I].
  - rewrite Q, Q'. simpl. lia.
  - assert (K := IH (ex_intro _ b (conj I (conj Q Q')))). specialize (H a).
    destruct (q' a); [rewrite H by auto; simpl; lia|]. destruct (q a); simpl; lia.
Qed.

Section Slice.
Variables (p : posreal) (g : graph) (F : R) (J : list nat).
Hypotheses (J_nodup : NoDup J) (F_pos : 0 < F).
Let l := connections g.

Definition mild d x y := (forall i, In i (units g) -> ~ In i J -> y i = x i) /\
  (forall i, In i J -> Rabs (residual g (power p) x i) <= d) /\
  total g (power p) x <= F /\ total g (power p) y <= total g (power p) x.

(** Where all costs are at most d or at least tau *)
Lemma slice_apart (small : connection -> bool) tau eta : 0 < tau -> 0 < eta -> exists d, 0 < d /\ forall x y, mild d x y ->
  (forall e, In e l -> if small e then cost_at p g x e <= d else tau <= cost_at p g x e) ->
  forall e, In e l -> Rabs (cost_at p g y e - cost_at p g x e) <= eta.
Proof.
  intros Ptau Peta. pose proof (cond_pos p) as P.
  set (big := fun e => negb (small e)). set (gS := Graph (filter big l) (degree g) (free g)).
  destruct (bounded_exponents gS J J_nodup) as [C [PC H]].
  set (K := reaches g). pose proof (reaches_nonneg g) as PK. fold K in PK.
  set (N := INR (length l)). assert (PN : 0 <= N) by apply pos_INR.
  set (W := sum (fun _ : nat => C * (1 + p * K)) (units gS)).
  assert (PW0 : 0 <= C * (1 + p * K)) by (apply Rmult_le_pos; [lra|]; assert (0 <= p * K) by (apply Rmult_le_pos; lra); lra).
  assert (PW : 0 <= W) by (apply sum_nonneg; auto).
  set (kappa := Rmin (1 / 3) (eta / (2 * F))). assert (Pk : 0 < kappa) by (apply Rmin_pos; [lra|apply Rdiv_lt_0_compat; lra]).
  assert (K1 : kappa <= 1 / 3) by apply Rmin_l.
  assert (K2 : F * (2 * kappa) <= eta).
  { replace eta with (F * (2 * (eta / (2 * F)))) by (field; lra). apply Rmult_le_compat_l; [lra|].
    apply Rmult_le_compat_l; [lra|]. apply Rmin_r. }
  destruct (exp_excess kappa Pk) as [beta [Pb E]].
  set (D1 := N * p / kappa + W + 1). set (D2 := N + W * kappa / p + 1).
  assert (P1 : 1 <= D1).
  { unfold D1, Rdiv. pose proof (Rinv_0_lt_compat _ Pk).
    assert (0 <= N * p * / kappa) by (repeat apply Rmult_le_pos; lra). lra. }
  assert (P2 : 1 <= D2).
  { unfold D2, Rdiv. pose proof (Rinv_0_lt_compat _ P).
    assert (0 <= W * kappa * / p) by (repeat apply Rmult_le_pos; lra). lra. }
  assert (Ptb : 0 < tau * (beta * p)) by (apply Rmult_lt_0_compat; [auto|now apply Rmult_lt_0_compat]).
  set (d := Rmin (tau * (beta * p) / (2 * D1)) (eta / D2)).
  assert (Pd : 0 < d) by (apply Rmin_pos; apply Rdiv_lt_0_compat; lra).
  assert (Hd1 : D1 * d < tau * (beta * p)).
  { apply Rle_lt_trans with (D1 * (tau * (beta * p) / (2 * D1))); [apply Rmult_le_compat_l; [lra|apply Rmin_l]|].
    replace (D1 * (tau * (beta * p) / (2 * D1))) with (tau * (beta * p) / 2) by (field; lra). lra. }
  assert (Hd2 : D2 * d <= eta).
  { apply Rle_trans with (D2 * (eta / D2)); [apply Rmult_le_compat_l; [lra|apply Rmin_r]|]. right. field. lra. }
  exists d. split; auto. intros x y [Off [Res [Tx Ty]]] Split.
  set (h := keep J (fun i => y i - x i)). set (u := fun e => exponent g y e - exponent g x e).
  assert (Eh : forall e, In e l -> exponent g h e = u e).
  { intros e I. unfold h. rewrite keep_exponent; auto; [apply exponent_minus|]. intros i U Ni. rewrite Off by auto. ring. }
  assert (InS : forall e, In e (filter big l) <-> In e l /\ small e = false).
  { intro e. rewrite filter_In. unfold big. destruct (small e); simpl; intuition discriminate. }
  assert (InT : forall e, In e (filter (fun e => negb (big e)) l) <-> In e l /\ small e = true).
  { intro e. rewrite filter_In. unfold big. destruct (small e); simpl; intuition discriminate. }
  assert (SmallT : forall e, In e (filter (fun e => negb (big e)) l) -> cost_at p g x e <= d).
  { intros e I. apply InT in I. destruct I as [I S]. specialize (Split e I). now rewrite S in Split. }
  destruct (largest u (filter big l)) as [b [Pb0 [Hb Eb]]].
  destruct (H h b Pb0 (keep_supported _ _)) as [h' [Sh [Eh' Bh']]].
  { intros e I. change (exponent gS h e) with (exponent g h e). rewrite Eh; [now apply Hb|]. now apply InS. }
  (* the sum of the residuals of the large connections along h' *)
  set (S := sum (fun e => p * cost_at p g x e * u e) (filter big l)).
  assert (BS : Rabs S <= W * b * d).
  { assert (ES : S = sum (fun i => h' i * divergence gS (fun e => p * cost_at p g x e) i) (units gS)).
    { rewrite <- by_parts. apply sum_ext. intros e I. rewrite (Eh' e I). change (exponent gS h e) with (exponent g h e).
      rewrite Eh; [reflexivity|now apply InS]. }
    rewrite ES. eapply Rle_trans; [apply sum_Rabs|]. unfold W. rewrite Rmult_assoc, Rmult_comm, <- sum_scale. apply sum_le.
    intros i _. rewrite Rabs_mult. destruct (in_dec Nat.eq_dec i J) as [I|Ni]; [|rewrite (Sh i Ni), Rabs_R0, Rmult_0_l;
      apply Rmult_le_pos; [apply Rmult_le_pos; lra|auto]].
    replace (b * d * (C * (1 + p * K))) with (C * b * (d + p * (d * K))) by ring.
    apply Rmult_le_compat; auto using Rabs_pos. rewrite divergence_sum.
    set (rT := sum (fun e => cost_at p g x e * form g e i) (filter (fun e => negb (big e)) l)).
    replace (sum _ (connections gS)) with (residual g (power p) x i + - (p * rT)).
    - eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [now apply Res|].
      rewrite Rabs_Ropp, Rabs_mult, (Rabs_right p) by lra. apply Rmult_le_compat_l; [lra|].
      eapply Rle_trans; [apply sum_Rabs|].
      apply Rle_trans with (sum (fun e => d * (1 + degree g (tail e))) (filter (fun e => negb (big e)) l)).
      + apply sum_le. intros e Ie. rewrite Rabs_mult, (Rabs_right (cost_at p g x e)) by (left; apply cost_at_pos).
        apply Rmult_le_compat; [left; apply cost_at_pos|apply Rabs_pos|now apply SmallT|apply form_bound].
      + rewrite sum_scale. apply Rmult_le_compat_l; [lra|]. unfold K, reaches. apply sum_filter_le.
        intros e _. pose proof (cond_pos (degree g (tail e))). lra.
    - rewrite residual_costs. fold l. rewrite (sum_filter (fun e => cost_at p g x e * form g e i) big l). fold rT.
      rewrite Rmult_plus_distr_l, <- sum_scale. unfold form.
      rewrite (sum_ext (fun a => p * (cost_at p g x a * _)) (fun e => p * cost_at p g x e *
        ((if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then degree g i else 0)))) by (intros; ring).
      simpl. ring. }
  (* what the large costs gain beyond first order, and the small costs at y, are small *)
  assert (Main : sum (fun e => cost_at p g x e * (exp (p * u e) - 1 - p * u e)) (filter big l) +
    sum (cost_at p g y) (filter (fun e => negb (big e)) l) <= (N + W * b) * d).
  { assert (Eg : sum (fun e => cost_at p g x e * (exp (p * u e) - 1 - p * u e)) (filter big l) =
      sum (cost_at p g y) (filter big l) - sum (cost_at p g x) (filter big l) - S).
    { unfold S. rewrite <- !sum_minus. apply sum_ext. intros e _. rewrite (cost_at_moved p g x y e). fold (u e). ring. }
    rewrite Eg. rewrite !total_costs in Ty. fold l in Ty.
    rewrite (sum_filter (cost_at p g x) big l), (sum_filter (cost_at p g y) big l) in Ty.
    assert (sum (cost_at p g x) (filter (fun e => negb (big e)) l) <= N * d).
    { apply Rle_trans with (sum (fun _ : connection => d) (filter (fun e => negb (big e)) l)); [now apply sum_le|].
      unfold N. rewrite <- sum_constant. apply sum_filter_le. intros; lra. }
    apply Rabs_between in BS. lra. }
  assert (Pos : forall e, 0 <= cost_at p g x e * (exp (p * u e) - 1 - p * u e)).
  { intro e. pose proof (cost_at_pos p g x e). pose proof (exp_ineq1_le (p * u e)). apply Rmult_le_pos; lra. }
  assert (PosY : 0 <= sum (cost_at p g y) (filter (fun e => negb (big e)) l)).
  { apply sum_nonneg. intros e _. left. apply cost_at_pos. }
  assert (PosX : 0 <= sum (fun e => cost_at p g x e * (exp (p * u e) - 1 - p * u e)) (filter big l)) by (apply sum_nonneg; auto).
  (* so the move is small among the large connections *)
  assert (Move : p * b < kappa).
  { apply Rnot_le_lt. intro L. destruct Eb as [->|[e [I Eb]]]; [lra|]. apply InS in I as I'.
    pose proof (E (p * u e)) as X. rewrite Rabs_mult, (Rabs_right p), Eb in X by lra. specialize (X L).
    pose proof (sum_member (fun e => cost_at p g x e * (exp (p * u e) - 1 - p * u e)) (filter big l) e
      ltac:(intros; apply Pos) I) as M.
    cbv beta in M. pose proof (Split e (proj1 I')) as Te. rewrite (proj2 I') in Te.
    assert (Lo : tau * (beta * (p * b)) <= (N + W * b) * d).
    { apply Rle_trans with (cost_at p g x e * (exp (p * u e) - 1 - p * u e)); [|lra].
      apply Rmult_le_compat; try lra. apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; lra. }
    assert (Nb : N <= N * p / kappa * b).
    { replace (N * p / kappa * b) with (N * (p * b / kappa)) by (field; lra).
      rewrite <- (Rmult_1_r N) at 1. apply Rmult_le_compat_l; [lra|]. apply Rmult_le_reg_r with kappa; [auto|].
      unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
    assert (Pb' : 0 < b) by (destruct Pb0; [auto|subst b; lra]).
    assert ((N + W * b) * d <= D1 * d * b).
    { replace (D1 * d * b) with ((N * p / kappa * b + W * b + b) * d) by (unfold D1; ring).
      apply Rmult_le_compat_r; lra. }
    assert (D1 * d * b < tau * (beta * p) * b) by (apply Rmult_lt_compat_r; auto). lra. }
  assert (Ub : (N + W * b) * d <= eta).
  { apply Rle_trans with (D2 * d); [|auto]. apply Rmult_le_compat_r; [lra|]. unfold D2.
    assert (W * b <= W * kappa / p); [|lra]. replace (W * kappa / p) with (W * (kappa / p)) by (field; lra).
    apply Rmult_le_compat_l; [lra|]. apply Rmult_le_reg_r with p; [auto|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  intros e I. destruct (small e) eqn:Se.
  - assert (IT : In e (filter (fun e => negb (big e)) l)) by now apply InT.
    pose proof (SmallT e IT). pose proof (cost_at_pos p g x e). pose proof (cost_at_pos p g y e).
    pose proof (sum_member (cost_at p g y) _ e ltac:(intros; left; apply cost_at_pos) IT).
    assert (d <= eta) by nra. apply Rabs_le. lra.
  - assert (IS : In e (filter big l)) by now apply InS.
    assert (Su : Rabs (p * u e) <= kappa).
    { rewrite Rabs_mult, (Rabs_right p) by lra. pose proof (Hb e IS). nra. }
    assert (Eu : Rabs (exp (p * u e) - 1) <= 2 * kappa).
    { pose proof (exp_second_order (p * u e) ltac:(lra)) as X. apply Rabs_between in Su. apply Rabs_between in X.
      assert (p * u e * (p * u e) <= kappa) by nra. assert (0 <= p * u e * (p * u e)) by nra. apply Rabs_le. lra. }
    rewrite (cost_at_moved p g x y e). fold (u e).
    replace (cost_at p g x e * exp (p * u e) - cost_at p g x e) with (cost_at p g x e * (exp (p * u e) - 1)) by ring.
    rewrite Rabs_mult, (Rabs_right (cost_at p g x e)) by (left; apply cost_at_pos).
    eapply Rle_trans; [|exact K2]. apply Rmult_le_compat; [left; apply cost_at_pos|apply Rabs_pos| |exact Eu].
    eapply Rle_trans; [now apply (cost_at_most p g x e)|exact Tx].
Qed.

(** All costs: those known to be small are joined by others until the rest is apart. *)
Lemma cost_slice_from n : forall small : connection -> bool, (length (filter (fun e => negb (small e)) l) <= n)%nat ->
  forall eta, 0 < eta -> exists d, 0 < d /\ forall x y, mild d x y ->
  (forall e, In e l -> small e = true -> cost_at p g x e <= d) ->
  forall e, In e l -> Rabs (cost_at p g y e - cost_at p g x e) <= eta.
Proof.
  assert (Weaker : forall d d' x y, d' <= d -> mild d' x y -> mild d x y).
  { intros d d' x y L [A [B C]]. split; auto. split; auto. intros i I. specialize (B i I). lra. }
  induction n as [|n IH]; intros small L eta Pe.
  - destruct (slice_apart small 1 eta Rlt_0_1 Pe) as [d [Pd H]]. exists d. split; auto. intros x y M Sm. apply H; auto.
    intros e I. destruct (small e) eqn:Q; [auto|]. exfalso.
    assert (K : In e (filter (fun e => negb (small e)) l)) by (apply filter_In; now rewrite Q).
    destruct (filter (fun e => negb (small e)) l); [destruct K|simpl in L; lia].
  - set (more := fun e e' => small e' || decide (e' = e)).
    destruct (common_positive (fun e d => forall x y, mild d x y ->
      (forall e', In e' l -> more e e' = true -> cost_at p g x e' <= d) ->
      forall e', In e' l -> Rabs (cost_at p g y e' - cost_at p g x e') <= eta) (filter (fun e => negb (small e)) l))
      as [tau [Pt H]].
    { intros e d d' K Q x y M Sm. apply K; [apply (Weaker d d'); auto; lra|]. intros e' I S. specialize (Sm e' I S). lra. }
    { intros e I. apply IH; auto. apply filter_In in I as I'. destruct I' as [Il Sl].
      apply Nat.lt_succ_r. eapply Nat.lt_le_trans; [|exact L]. apply filter_shorter.
      - intros a. unfold more. destruct (small a); simpl; auto.
      - exists e. split; auto. split; auto. unfold more. apply negb_false_iff. apply orb_true_iff. right. now apply decide_spec. }
    destruct (slice_apart small tau eta Pt Pe) as [d [Pd A]].
    exists (Rmin d tau). pose proof (Rmin_l d tau) as L1. pose proof (Rmin_r d tau) as L2. split; [now apply Rmin_pos|].
    intros x y M Sm.
    destruct (Classical_Prop.classic (exists e, In e l /\ small e = false /\ cost_at p g x e <= tau)) as [[e [I [S C]]]|N].
    + apply (H e); [apply filter_In; now rewrite S|now apply (Weaker tau (Rmin d tau))|].
      intros e' I' Q. unfold more in Q. apply orb_true_iff in Q. destruct Q as [Q|Q].
      * specialize (Sm e' I' Q). lra.
      * apply (proj1 (decide_spec _)) in Q. now rewrite Q.
    + apply A; [now apply (Weaker d (Rmin d tau))|]. intros e I. destruct (small e) eqn:S.
      * specialize (Sm e I S). lra.
      * apply Rnot_lt_le. intro C. apply N. exists e. split; auto. split; auto. lra.
Qed.

Lemma cost_slice eta : 0 < eta -> exists d, 0 < d /\ forall x y, mild d x y ->
  forall e, In e l -> Rabs (cost_at p g y e - cost_at p g x e) <= eta.
Proof.
  intro Pe. destruct (cost_slice_from (length l) (fun _ => false)) with (eta := eta) as [d [Pd H]]; auto.
  - assert (A : forall m : list connection, (length (filter (fun _ => negb false) m) <= length m)%nat); [|apply A].
    induction m as [|a m IH]; simpl in *; lia.
  - exists d. split; auto. intros x y M. apply H; auto. discriminate.
Qed.
End Slice.

Theorem powers_stiff (p : posreal) g : stiff g (power p).
Proof.
  intros F J eps ND Pe. pose proof (cond_pos p) as P. set (K := reaches g). pose proof (reaches_nonneg g) as PK. fold K in PK.
  assert (PpK : 0 <= p * K) by (apply Rmult_le_pos; lra).
  set (eta := eps / (p * K + 1)). assert (Pn : 0 < eta) by (apply Rdiv_lt_0_compat; lra).
  destruct (cost_slice p g (Rmax 1 F) J ND ltac:(apply Rlt_le_trans with 1; [lra|apply Rmax_l]) eta Pn) as [d [Pd H]].
  exists d. split; auto. intros x y Gx Gy Tx Ty Off Res i.
  assert (M : mild p g (Rmax 1 F) J d x y).
  { split; auto. split; auto. split; auto. apply Rle_trans with F; auto. apply Rmax_r. }
  rewrite !residual_costs, <- Rmult_minus_distr_l, <- sum_minus, Rabs_mult, (Rabs_right p) by lra.
  apply Rle_trans with (p * (eta * K)).
  - apply Rmult_le_compat_l; [lra|]. eapply Rle_trans; [apply sum_Rabs|]. unfold K, reaches. rewrite <- sum_scale.
    apply sum_le. intros e I. rewrite <- Rmult_minus_distr_r, Rabs_mult.
    apply Rmult_le_compat; [apply Rabs_pos|apply Rabs_pos|now apply (H x y M)|apply form_bound].
  - replace eps with ((p * K + 1) * eta) by (unfold eta; field; lra). nra.
Qed.
