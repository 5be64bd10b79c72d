(** Order: the residual of a unit rises with its own log-scale and falls with every other, so two points with residuals
    of opposite signs enclose the balanced point.

    [sub g r x]    the residual is <= 0 at every free unit (x is too low);
    [super g r x]  it is >= 0 at every free unit (x is too high). *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer.
Open Scope R_scope.

Definition sub g r x := forall i, free g i = true -> residual g r x i <= 0.
Definition super g r x := forall i, free g i = true -> 0 <= residual g r x i.

Definition excess (x y : point) : point := fun i => Rmax (x i - y i) 0.

Lemma excess_nonneg x y i : 0 <= excess x y i.
Proof. apply Rmax_r. Qed.

(** Slopes and the exponents of the positive part of a difference move the same way. *)
Lemma slope_excess r g x y e :
  0 <= (slope r e (exponent g x e) - slope r e (exponent g y e)) * exponent g (excess x y) e /\
  (exponent g (excess x y) e <> 0 ->
   0 < (slope r e (exponent g x e) - slope r e (exponent g y e)) * exponent g (excess x y) e).
Proof.
  pose proof (cond_pos (degree g (tail e))) as C.
  assert (K : (exponent g (excess x y) e = 0) \/
    (0 < exponent g (excess x y) e /\ exponent g y e < exponent g x e) \/
    (exponent g (excess x y) e < 0 /\ exponent g x e < exponent g y e)).
  { unfold exponent, excess. set (c := pos (degree g (tail e))) in *. unfold Rmax.
    destruct (Rle_dec (x (head e) - y (head e)) 0) as [H|H];
    destruct (Rle_dec (x (tail e) - y (tail e)) 0) as [T|T].
    - left. ring.
    - right. right. assert (0 < c * (x (tail e) - y (tail e))) by (apply Rmult_lt_0_compat; lra). split; lra.
    - right. left. assert (0 <= c * (y (tail e) - x (tail e))) by (apply Rmult_le_pos; lra). split; lra.
    - destruct (Rtotal_order (x (head e) - y (head e)) (c * (x (tail e) - y (tail e)))) as [L|[L|L]].
      + right. right. split; lra.
      + left. lra.
      + right. left. split; lra. }
  destruct K as [->|[[P L]|[P L]]].
  - split; [lra|tauto].
  - pose proof (slope_increasing r e _ _ L). split; intros; [apply Rlt_le|]; apply Rmult_lt_0_compat; lra.
  - pose proof (slope_increasing r e _ _ L). split; intros; nra.
Qed.

Lemma excess_by_parts g r x y :
  sum (fun e => (slope r e (exponent g x e) - slope r e (exponent g y e)) * exponent g (excess x y) e) (connections g)
  = sum (fun i => excess x y i * (residual g r x i - residual g r y i)) (units g).
Proof.
  rewrite (by_parts g (fun e => slope r e (exponent g x e) - slope r e (exponent g y e))).
  apply sum_ext. intros i _. now rewrite divergence_minus.
Qed.

Lemma excess_grounded g x y : grounded g x -> grounded g y -> grounded g (excess x y).
Proof. intros gx gy i Hi. unfold excess. rewrite gx, gy, Rminus_0_r by auto. apply Rmax_left. lra. Qed.

Lemma excess_null x y i : excess x y i = 0 -> x i <= y i.
Proof. unfold excess, Rmax. destruct Rle_dec; lra. Qed.

(** Comparison: in an anchored graph every sub-solution lies below every super-solution. *)
Theorem comparison g r x y : anchored g -> grounded g x -> grounded g y -> sub g r x -> super g r y ->
  forall i, x i <= y i.
Proof.
  intros A gx gy S P i. apply excess_null. apply A; auto using excess_grounded.
  assert (L : sum (fun e => (slope r e (exponent g x e) - slope r e (exponent g y e)) * exponent g (excess x y) e)
    (connections g) <= 0).
  { rewrite excess_by_parts. rewrite <- (sum_zero (units g)). apply sum_le. intros j _.
    pose proof (excess_nonneg x y j). destruct (free g j) eqn:E.
    - specialize (S j E). specialize (P j E). nra.
    - rewrite excess_grounded with (g := g) by auto. lra. }
  intros e I. destruct (Req_dec (exponent g (excess x y) e) 0) as [|D]; auto. exfalso.
  apply (Rlt_irrefl 0). rewrite <- (sum_nonneg_null _ _ (fun e _ => proj1 (slope_excess r g x y e)) L e I) at 2.
  now apply slope_excess.
Qed.

(** A certificate: a sub-solution and a super-solution enclose every balanced point, coordinate by coordinate. *)
Theorem enclosure g r lo hi x : anchored g -> grounded g lo -> grounded g hi -> grounded g x ->
  sub g r lo -> super g r hi -> balanced g r x -> forall i, lo i <= x i <= hi i.
Proof.
  intros A gl gh gx S P B i. split; apply (comparison g r); auto; intros j Hj; rewrite B by auto; lra.
Qed.

Lemma balanced_point_unique g r x y : anchored g -> grounded g x -> grounded g y ->
  balanced g r x -> balanced g r y -> forall i, x i = y i.
Proof.
  intros A gx gy Bx By i. apply Rle_antisym; apply (comparison g r); auto;
    intros j Hj; rewrite ?Bx, ?By by auto; lra.
Qed.

(** With residuals strictly apart nothing need be known of the graph; at a free unit that no connection touches they
    cannot be strictly apart, so it does not occur. *)
Theorem comparison_separated g r x y : grounded g x -> grounded g y ->
  (forall i, free g i = true -> residual g r x i < residual g r y i) -> forall i, x i <= y i.
Proof.
  intros gx gy P i. apply Rnot_lt_le. intro C.
  assert (Hi : free g i = true).
  { destruct (free g i) eqn:E; auto. rewrite gx, gy in C by auto. lra. }
  assert (U : In i (units g)).
  { destruct (in_dec Nat.eq_dec i (units g)) as [|N]; auto. exfalso. specialize (P i Hi).
    unfold residual in P. rewrite !divergence_sum in P.
    rewrite !sum_null in P; [lra| |]; intros e I; (destruct (Nat.eqb_spec (head e) i) as [Q|_];
      [exfalso; apply N; rewrite <- Q; now apply head_in_units|]);
      (destruct (Nat.eqb_spec (tail e) i) as [Q|_]; [|ring]);
      exfalso; apply N; rewrite <- Q; now apply tail_in_units. }
  pose proof (excess_by_parts g r x y) as E.
  assert (0 <= sum (fun e => (slope r e (exponent g x e) - slope r e (exponent g y e)) * exponent g (excess x y) e)
    (connections g)) by (apply sum_nonneg; intros; apply slope_excess).
  assert (sum (fun i => excess x y i * (residual g r x i - residual g r y i)) (units g) < sum (fun _ => 0) (units g)).
  { apply sum_lt.
    - intros j _. pose proof (excess_nonneg x y j). destruct (free g j) eqn:F.
      + specialize (P j F). nra.
      + rewrite excess_grounded with (g := g) by auto. lra.
    - exists i. split; auto. specialize (P i Hi).
      assert (0 < excess x y i) by (apply Rlt_le_trans with (x i - y i); [lra|apply Rmax_l]). nra. }
  rewrite sum_zero in *. lra.
Qed.

Theorem comparison_strict g r x y : grounded g x -> grounded g y -> sub g r x ->
  (forall i, free g i = true -> 0 < residual g r y i) -> forall i, x i <= y i.
Proof.
  intros gx gy S P. apply (comparison_separated g r); auto. intros i Hi.
  specialize (S i Hi). specialize (P i Hi). lra.
Qed.
