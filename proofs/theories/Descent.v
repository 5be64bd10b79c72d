(** Convergence by descent: where a minimum is attained, steps that lower the cost enough lead the weights to the balanced
    ones from every start, under every schedule in which each unit has its turn again and again. Any degree, any strictly
    convex cost, any graph: parts without ground included.

    [effective], [steps], [covers]   as in Rounds.v.
    [weights_converge g X V]   the weights rescaled by X n converge to those rescaled by V.
    [rounds g s k n]           k rounds, one after the other, are complete before step n: in each of them every free unit
                               with a connection has its turn.
    [fair g s]                 as in Convergence.v: only free units are visited, each of them infinitely often.
    [stiff], [leads]           as in Rounds.v; where a minimum is attained they hold (Stiff.v). *)
From Coq Require Import Reals Psatz List Arith Lia ZArith.
From synbal Require Import Sums Graph Regularizer Convexity Comparison Convergence Tangent Circulation Linear Rounds
  Stiff.
Import ListNotations.
Open Scope R_scope.

Definition weights_converge g (X : nat -> point) V := forall e, In e (connections g) ->
  Un_cv (fun n => rescaled_weight g (X n) e) (rescaled_weight g V e).

Fixpoint rounds g (s : nat -> nat) k n : Prop := match k with
  | O => True
  | S k => exists m j, (m + j <= n)%nat /\ rounds g s k m /\ covers g s m j
  end.

(** A cost near the minimum means weights near the balanced ones, ... *)
Lemma near_minimum_weights g r V eps : minimum g r V -> 0 < eps -> exists d, 0 < d /\ forall x, grounded g x ->
  total g r x < total g r V + d ->
  forall e, In e (connections g) -> Rabs (rescaled_weight g x e - rescaled_weight g V e) < eps.
Proof.
  intros M Pe.
  destruct (common_positive (fun e d => forall t, Rabs (t - exponent g V e) < d ->
    Rabs (weight e * exp t - rescaled_weight g V e) < eps) (connections g)) as [d [Pd D]].
  { intros e d d' K L t Q. apply K. lra. }
  { intros e _. assert (C : continuity_pt (fun t => weight e * exp t) (exponent g V e)).
    { apply (continuity_pt_scal exp). apply derivable_continuous_pt, derivable_pt_exp. }
    destruct (C eps Pe) as [d [Pd K]]. exists d. split; auto. intros t Q.
    destruct (Req_dec (exponent g V e) t) as [<-|N]; [unfold rescaled_weight; rewrite Rminus_eq_0, Rabs_R0; lra|].
    apply K. split; [split; [exact I|exact N]|exact Q]. }
  destruct (near_minimum g r V d M Pd) as [h [Ph H]]. exists h. split; auto. intros x G T e I. apply D; auto.
Qed.

(** ... so a cost that tends to it takes the weights along ... *)
Lemma cost_leads_weights g r V X : minimum g r V -> (forall n, grounded g (X n)) ->
  (forall eta, 0 < eta -> exists N, forall n, (N <= n)%nat -> total g r (X n) < total g r V + eta) ->
  weights_converge g X V.
Proof.
  intros M G C e I eps P. destruct (near_minimum_weights g r V eps M P) as [d [Pd H]]. destruct (C d Pd) as [N HN].
  exists N. intros n L. apply H; auto.
Qed.

(** ... and in an anchored graph the log-scales too. *)
Lemma cost_leads_scales g r V X : anchored g -> minimum g r V -> (forall n, grounded g (X n)) ->
  (forall eta, 0 < eta -> exists N, forall n, (N <= n)%nat -> total g r (X n) < total g r V + eta) ->
  forall i, Un_cv (fun n => X n i) (V i).
Proof.
  intros A M G C i eps P. destruct (anchored_bound g A) as [K [PK H]].
  assert (Pe : 0 < eps / (K + 1)) by (apply Rdiv_lt_0_compat; lra).
  destruct (near_minimum g r V _ M Pe) as [d [Pd D]]. destruct (C d Pd) as [N HN].
  exists N. intros n L. unfold R_dist.
  apply Rle_lt_trans with (K * (eps / (K + 1))).
  - apply (H (fun j => X n j - V j)); [lra| |].
    + intros j F. rewrite (G n), (proj1 M) by auto. ring.
    + intros e I. rewrite exponent_minus. left. apply D; auto.
  - replace eps with ((K + 1) * (eps / (K + 1))) at 2 by (field; lra). nra.
Qed.

(** A sequence that is bounded below cannot fall by delta for ever. *)
Lemma cannot_fall_for_ever a b delta : 0 < delta -> exists k, a - INR k * delta < b.
Proof.
  intro P. set (q := (a - b) / delta). exists (Z.to_nat (up q)).
  assert (H : q < INR (Z.to_nat (up q))).
  { destruct (archimed q) as [U _]. rewrite INR_IZR_INZ. destruct (Z_lt_le_dec (up q) 0) as [N|N].
    - apply IZR_lt in N. pose proof (IZR_le 0 (Z.of_nat (Z.to_nat (up q))) ltac:(lia)). lra.
    - now rewrite Z2Nat.id. }
  assert (a - b < INR (Z.to_nat (up q)) * delta); [|lra].
  replace (a - b) with (q * delta) by (unfold q; field; lra). apply Rmult_lt_compat_r; auto.
Qed.

Section Descent.
Variables (g : graph) (r : regularizer) (R : nat -> point -> point -> Prop) (low : Rdefinitions.R).
Hypotheses (R_effective : effective g r R) (is_stiff : stiff g r) (is_led : leads g r low).

(** A number of rounds suffices for every start of cost at most F and every schedule: it does not depend on how long the
    rounds are. *)
Theorem rounds_suffice F eta : 0 < eta -> exists K, forall s X n, steps R s X -> grounded g (X 0%nat) ->
  total g r (X 0%nat) <= F -> rounds g s K n -> forall k, (n <= k)%nat -> total g r (X k) < low + eta.
Proof.
  intro P. destruct (a_round_lowers g r R low R_effective is_stiff is_led F eta P) as [d [Pd H]].
  destruct (cannot_fall_for_ever F low d Pd) as [K HK]. exists K.
  intros s X n S G T Ro l Ll.
  assert (A : forall k n, rounds g s k n ->
    total g r (X n) < low + eta \/ total g r (X n) <= F - INR k * d).
  { clear n Ro l Ll. induction k as [|k IH]; intros n Ro.
    - right. pose proof (steps_lower g r R R_effective s X S 0 n ltac:(lia)). simpl. lra.
    - destruct Ro as [a [j [L [Ro C]]]]. pose proof (steps_lower g r R R_effective s X S (a + j)%nat n L) as T1.
      pose proof (steps_lower g r R R_effective s X S a (a + j)%nat ltac:(lia)) as T2.
      pose proof (steps_lower g r R R_effective s X S 0 a ltac:(lia)) as T0.
      destruct (IH a Ro) as [Q|Q]; [left; lra|].
      destruct (H s X a j S (steps_grounded g r R R_effective s X S 0 a G) ltac:(lra) C) as [Q'|Q']; [left; lra|].
      right. rewrite S_INR. lra. }
  pose proof (steps_lower g r R R_effective s X S n l Ll).
  pose proof (proj1 is_led (X n) (steps_grounded g r R R_effective s X S 0 n G)).
  destruct (A K n Ro); lra.
Qed.

(** A fair schedule completes any number of rounds. *)
Lemma fair_covers s n (us : list nat) : fair g s -> (forall i, In i us -> free g i = true) ->
  exists k, forall i, In i us -> exists m, (n <= m < n + k)%nat /\ s m = i.
Proof.
  intros [_ Fs]. induction us as [|i us IH]; intro H.
  - exists 0%nat. intros i [].
  - destruct IH as [k K]; [intros; apply H; simpl; auto|]. destruct (Fs i (H i ltac:(simpl; auto)) n) as [m [L E]].
    exists (k + S (m - n))%nat. intros j [<-|I].
    + exists m. split; [lia|auto].
    + destruct (K j I) as [m' [L' E']]. exists m'. split; [lia|auto].
Qed.

Lemma fair_rounds s k : fair g s -> exists n, rounds g s k n.
Proof.
  intro Fs. induction k as [|k [m IH]]; [now exists 0%nat|].
  destruct (fair_covers s m (active g) Fs) as [j C]; [intros i I; now apply active_free in I|].
  exists (m + j)%nat, m, j. auto.
Qed.

(** Under a fair schedule the cost tends to low. *)
Lemma fair_cost s X : fair g s -> steps R s X -> grounded g (X 0%nat) ->
  forall eta, 0 < eta -> exists N, forall n, (N <= n)%nat -> total g r (X n) < low + eta.
Proof.
  intros Fs S G eta P. destruct (rounds_suffice (total g r (X 0%nat)) eta P) as [K H].
  destruct (fair_rounds s K Fs) as [N Ro]. exists N. intros n L. apply (H s X N); auto. lra.
Qed.

(** Greedy schedules need not be fair. It is enough that no unit's step would have lowered the cost by more than kappa
    times what the step that was taken did. *)
Lemma greedy_cost kappa X : 0 < kappa -> (forall n, grounded g (X n)) ->
  (forall n, total g r (X (S n)) <= total g r (X n)) ->
  (forall n i, In i (active g) -> exists y, R i (X n) y /\
     total g r (X n) - total g r y <= kappa * (total g r (X n) - total g r (X (S n)))) ->
  forall eta, 0 < eta -> exists N, forall n, (N <= n)%nat -> total g r (X n) < low + eta.
Proof.
  intros Pk G L H eta P. set (F := total g r (X 0%nat)).
  assert (Lower : forall n k, (n <= k)%nat -> total g r (X k) <= total g r (X n)).
  { induction 1 as [|k Q IH]; [lra|]. specialize (L k). lra. }
  destruct (proj2 is_led F eta P) as [eps [Pe E]].
  destruct (proj2 R_effective F eps Pe) as [d [Pd D]].
  destruct (cannot_fall_for_ever F low (d / (2 * kappa)) ltac:(apply Rdiv_lt_0_compat; lra)) as [k K].
  assert (A : forall n, (exists l, (l < n)%nat /\ total g r (X l) < low + eta) \/
    total g r (X n) <= F - INR n * (d / (2 * kappa))).
  { induction n as [|n [[l [Ll Q]]|Q]]; [right; unfold F; simpl; lra|left; exists l; split; [lia|auto]|].
    destruct (Rlt_le_dec (total g r (X n) - total g r (X (S n))) (d / (2 * kappa))) as [C|C].
    - left. exists n. split; [lia|]. apply E; auto; [apply Lower; lia|]. intros i I.
      apply Rnot_lt_le. intro N. destruct (H n i I) as [y [Ry Gy]].
      pose proof (D i (X n) y (G n) ltac:(apply Lower; lia) Ry ltac:(lra)).
      assert (kappa * (total g r (X n) - total g r (X (S n))) < kappa * (d / (2 * kappa))) by (apply Rmult_lt_compat_l; auto).
      replace (kappa * (d / (2 * kappa))) with (d / 2) in * by (field; lra). lra.
    - right. rewrite S_INR. lra. }
  exists k. intros n Ln. pose proof (proj1 is_led (X k) (G k)).
  destruct (A k) as [[l [Ll Q]]|Q]; [|lra]. pose proof (Lower l n ltac:(lia)). lra.
Qed.
End Descent.

(** ** Where a minimum is attained *)
Section Minimum.
Variables (g : graph) (r : regularizer) (V : point) (R : nat -> point -> point -> Prop).
Hypotheses (V_minimum : minimum g r V) (R_effective : effective g r R).
Let is_stiff := minimum_stiff g r V V_minimum.
Let is_led := minimum_leads g r V V_minimum.

Lemma fair_descent_converges s X : fair g s -> steps R s X -> grounded g (X 0%nat) -> weights_converge g X V.
Proof.
  intros Fs S G. apply (cost_leads_weights g r); auto; [|now apply (fair_cost g r R _ R_effective is_stiff is_led s)].
  intro n. apply (steps_grounded g r R R_effective s X S 0 n G).
Qed.

Lemma fair_descent_scales_converge s X : anchored g -> fair g s -> steps R s X -> grounded g (X 0%nat) ->
  forall i, Un_cv (fun n => X n i) (V i).
Proof.
  intros A Fs S G. apply (cost_leads_scales g r); auto; [|now apply (fair_cost g r R _ R_effective is_stiff is_led s)].
  intro n. apply (steps_grounded g r R R_effective s X S 0 n G).
Qed.
End Minimum.
