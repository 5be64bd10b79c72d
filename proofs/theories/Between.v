(** Existence by order, for every degree and every regularizer: between a sub-solution and a super-solution lies a
    balanced point. It is the supremum of the sub-solutions between them (Perron's method). With strict signs nothing
    need be known of the graph: the balanced point exists, is unique and lies between them.

    [fits g r lo hi x]   x is a grounded sub-solution between lo and hi. *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer Convexity Comparison Convergence.
Open Scope R_scope.

Lemma cv_below (u : nat -> R) l b : Un_cv u l -> (forall n, u n <= b) -> l <= b.
Proof.
  intros C H. apply Rnot_lt_le. intro L. destruct (C (l - b) ltac:(lra)) as [n K].
  specialize (K n (le_n n)). specialize (H n). unfold R_dist in K. apply Rabs_def2 in K. lra.
Qed.

Lemma residual_at g r x i t : t = x i -> residual g r (set x i t) i = residual g r x i.
Proof.
  intros ->. apply divergence_ext. intros e _. f_equal. unfold exponent, set.
  destruct (Nat.eqb_spec (head e) i) as [->|]; destruct (Nat.eqb_spec (tail e) i) as [->|]; reflexivity.
Qed.

(** The residual of i is continuous in the log-scale of i. *)
Lemma residual_own_cv g r x i (d : nat -> R) : Un_cv d 0 ->
  Un_cv (fun n => residual g r (set x i (x i + d n)) i) (residual g r x i).
Proof.
  intro C. apply residual_cv. intro j. unfold set. destruct (Nat.eqb_spec j i) as [->|]; [|apply cv_constant].
  rewrite <- (Rplus_0_r (x i)) at 1. apply (CV_plus (fun _ => x i) d); auto using cv_constant.
Qed.

Section Between.
Variables (g : graph) (r : regularizer) (lo hi : point).
Hypotheses (lo_grounded : grounded g lo) (lo_sub : sub g r lo) (hi_super : super g r hi) (ordered : forall i, lo i <= hi i).

Definition fits x := grounded g x /\ sub g r x /\ forall i, lo i <= x i <= hi i.

Lemma lo_fits : fits lo.
Proof. split; [auto|]. split; [auto|]. intro i. pose proof (ordered i). lra. Qed.

Definition heights i t := exists x, fits x /\ x i = t.

Lemma heights_bound i : bound (heights i).
Proof. exists (hi i). intros t [x [[_ [_ B]] <-]]. apply B. Qed.

Lemma heights_some i : exists t, heights i t.
Proof. exists (lo i), lo. split; auto using lo_fits. Qed.

Definition top : point := fun i => proj1_sig (completeness (heights i) (heights_bound i) (heights_some i)).

Lemma top_lub i : is_lub (heights i) (top i).
Proof. unfold top. destruct completeness. auto. Qed.

Lemma top_above x i : fits x -> x i <= top i.
Proof. intro F. apply (proj1 (top_lub i)). now exists x. Qed.

Lemma top_near i eps : 0 < eps -> exists x, fits x /\ top i - eps < x i.
Proof.
  intro P. destruct (Classical_Prop.classic (exists x, fits x /\ top i - eps < x i)) as [|N]; auto. exfalso.
  enough (top i <= top i - eps) by lra. apply (proj2 (top_lub i)). intros t [x [F <-]].
  apply Rnot_lt_le. intro L. apply N. eauto.
Qed.

Lemma top_sub : sub g r top.
Proof.
  intros i F.
  assert (K : forall n, residual g r (set top i (top i + - RinvN n)) i <= 0).
  { intro n. destruct (top_near i (RinvN n) (cond_pos _)) as [x [X L]].
    apply Rle_trans with (residual g r (set top i (x i)) i); [apply residual_own; lra|].
    apply Rle_trans with (residual g r x i); [|now apply X].
    apply residual_le; [|now rewrite set_same].
    intro j. unfold set. destruct (Nat.eqb_spec j i) as [->|]; [lra|now apply top_above]. }
  apply (cv_below (fun n => residual g r (set top i (top i + - RinvN n)) i)); auto.
  apply residual_own_cv. replace 0 with (- 0) by ring. apply CV_opp, RinvN_cv.
Qed.

Lemma top_fits : fits top.
Proof.
  split; [|split; [apply top_sub|]].
  - intros i F. apply Rle_antisym.
    + apply (proj2 (top_lub i)). intros t [x [[G _] <-]]. rewrite G by auto. lra.
    + rewrite <- (lo_grounded i F). apply top_above, lo_fits.
  - intro i. split; [apply top_above, lo_fits|]. apply (proj2 (top_lub i)). intros t [x [[_ [_ B]] <-]]. apply B.
Qed.

(** Where the residual of the supremum were negative, it could be raised. *)
Lemma top_balanced : balanced g r top.
Proof.
  intros i F. destruct (top_sub i F) as [N|]; auto. exfalso.
  destruct top_fits as [G [S B]].
  assert (L : top i < hi i).
  { destruct (proj2 (B i)) as [|E]; auto. exfalso. pose proof (hi_super i F) as P.
    pose proof (residual_le g r top hi i ltac:(intro; apply B) E). lra. }
  assert (C := residual_own_cv g r top i RinvN RinvN_cv).
  destruct (C (- residual g r top i) ltac:(lra)) as [n H]. 
  assert (C' : Un_cv RinvN 0) by apply RinvN_cv. destruct (C' (hi i - top i) ltac:(lra)) as [m M].
  set (k := (n + m)%nat). specialize (H k (Nat.le_add_r n m)). specialize (M k (Nat.le_add_l m n)).
  unfold R_dist in H, M. apply Rabs_def2 in H. apply Rabs_def2 in M.
  pose proof (cond_pos (RinvN k)) as P.
  enough (X : fits (set top i (top i + RinvN k))).
  { pose proof (top_above _ i X) as Q. rewrite set_same in Q. lra. }
  split; [|split].
  - intros j Fj. rewrite set_other by congruence. auto.
  - intros j Fj. destruct (Nat.eq_dec j i) as [->|D]; [lra|].
    apply Rle_trans with (residual g r top j); [|auto]. apply residual_le; [|now rewrite set_other].
    intro l. unfold set. destruct (Nat.eqb_spec l i) as [->|]; lra.
  - intro j. pose proof (B j). unfold set. destruct (Nat.eqb_spec j i) as [->|]; lra.
Qed.
End Between.

Theorem minimum_between g r lo hi : grounded g lo -> sub g r lo -> super g r hi -> (forall i, lo i <= hi i) ->
  exists x, minimum g r x /\ forall i, lo i <= x i <= hi i.
Proof.
  intros G S P O. destruct (top_fits g r lo hi G S O) as [Gx [_ B]]. eexists. split; [|exact B].
  apply balanced_is_minimum; [exact Gx|]. now apply top_balanced.
Qed.

(** Two grounded points with residuals strictly apart exist only in an anchored graph. *)
Theorem separated_anchored g r lo hi : grounded g lo -> grounded g hi ->
  (forall i, free g i = true -> residual g r lo i < residual g r hi i) -> anchored g.
Proof.
  intros gl gh P h G Z i.
  assert (K : forall t, lo i <= hi i + t * h i).
  { intro t. apply (comparison_separated g r lo (fun j => hi j + t * h j)); auto.
    - intros j F. rewrite gh, G by auto. ring.
    - intros j F. replace (residual g r (fun j => hi j + t * h j) j) with (residual g r hi j); [auto|].
      apply divergence_ext. intros e I. f_equal. rewrite exponent_line, Z by auto. ring. }
  destruct (Req_dec (h i) 0) as [|N]; auto. exfalso.
  specialize (K ((lo i - hi i - 1) / h i)). replace ((lo i - hi i - 1) / h i * h i) with (lo i - hi i - 1) in K by (now field).
  lra.
Qed.

(** Strict signs alone: the minimum is attained, at one point only, and it lies between. *)
Theorem strict_enclosure g r lo hi : grounded g lo -> grounded g hi ->
  (forall i, free g i = true -> residual g r lo i < 0) -> (forall i, free g i = true -> 0 < residual g r hi i) ->
  exists x, minimum g r x /\ (forall i, lo i <= x i <= hi i) /\ forall y, minimum g r y -> forall i, y i = x i.
Proof.
  intros gl gh L H.
  assert (P : forall i, free g i = true -> residual g r lo i < residual g r hi i).
  { intros i F. specialize (L i F). specialize (H i F). lra. }
  destruct (minimum_between g r lo hi) as [x [M B]]; auto.
  - intros i F. specialize (L i F). lra.
  - intros i F. specialize (H i F). lra.
  - now apply (comparison_separated g r).
  - exists x. split; auto. split; auto. apply (proj2 (log_scales_unique_iff_anchored g r x M)).
    now apply (separated_anchored g r lo hi).
Qed.
