(** Positively homogeneous activations.

    [bilu a b]      slope a above zero and slope b below: linear, ReLU, leaky ReLU, PReLU.
    [bipu c C D]    C z^c above zero, D |z|^c below, zero at zero. *)
From Coq Require Import Reals Psatz.
Open Scope R_scope.

Definition bilu a b z := if Rle_dec 0 z then a * z else b * z.
Definition bipu c C D z := if Rlt_dec 0 z then C * Rpower z c else if Rlt_dec z 0 then D * Rpower (- z) c else 0.

Definition homogeneous_of_degree_one (f : R -> R) := forall l z, 0 < l -> f (l * z) = l * f z.
Definition homogeneous_of_degree c (f : R -> R) := forall l z, 0 < l -> f (l * z) = Rpower l c * f z.

Theorem homogeneous_iff_bilu f : homogeneous_of_degree_one f <-> exists a b, forall z, f z = bilu a b z.
Proof.
  unfold bilu. split.
  - intro H. exists (f 1), (- f (-1)). intro z.
    assert (Z : f 0 = 0) by (pose proof (H 2 0 ltac:(lra)) as E; rewrite Rmult_0_r in E; lra).
    destruct (Rle_dec 0 z) as [[P|<-]|N].
    + rewrite <- (Rmult_1_r z) at 1. rewrite H by auto. ring.
    + lra.
    + replace z with (- z * -1) at 1 by ring. rewrite H by lra. ring.
  - intros [a [b E]] l z P. rewrite !E.
    destruct (Rle_dec 0 (l * z)); destruct (Rle_dec 0 z); try ring; exfalso; nra.
Qed.

Theorem homogeneous_iff_bipu c f : 0 < c ->
  (homogeneous_of_degree c f <-> exists C D, forall z, f z = bipu c C D z).
Proof.
  intro Pc. unfold bipu. split.
  - intro H. exists (f 1), (f (-1)). intro z. destruct (Rlt_dec 0 z) as [P|N].
    + rewrite <- (Rmult_1_r z) at 1. rewrite H by auto. ring.
    + destruct (Rlt_dec z 0) as [Q|Q].
      * replace z with (- z * -1) at 1 by ring. rewrite H by lra. ring.
      * replace z with 0 by lra. pose proof (H 2 0 ltac:(lra)) as E. rewrite Rmult_0_r in E.
        assert (1 < Rpower 2 c) by (rewrite <- (Rpower_O 2) by lra; apply Rpower_lt; lra). nra.
  - intros [C [D E]] l z P. rewrite !E.
    destruct (Rlt_dec 0 z) as [Z|Z].
    + destruct (Rlt_dec 0 (l * z)) as [Q|Q]; [|exfalso; nra]. rewrite <- Rpower_mult_distr by auto. ring.
    + destruct (Rlt_dec 0 (l * z)) as [Q|Q]; [exfalso; nra|].
      destruct (Rlt_dec z 0) as [Y|Y]; destruct (Rlt_dec (l * z) 0) as [X|X]; try (exfalso; nra); [|ring].
      replace (- (l * z)) with (l * - z) by ring. rewrite <- Rpower_mult_distr by lra. ring.
Qed.

(** Degree 1 in both senses *)
Lemma degree_one_agrees f : homogeneous_of_degree_one f <-> homogeneous_of_degree 1 f.
Proof. split; intros H l z P; rewrite H by auto; now rewrite Rpower_1. Qed.
