(** Finite sums of real numbers over a list.

    [sum f l]  is f(a_1) + ... + f(a_n) for l = [a_1; ...; a_n]. *)
From Coq Require Import Reals Psatz List Arith.
Import ListNotations.
Open Scope R_scope.

Fixpoint sum {T} (f : T -> R) (l : list T) : R :=
  match l with [] => 0 | a :: l => f a + sum f l end.

Section Sums.
Context {T : Type}.
Implicit Types (f g : T -> R) (l : list T).

Lemma sum_ext f g l : (forall a, In a l -> f a = g a) -> sum f l = sum g l.
Proof.
  induction l as [|a l IH]; simpl; intros H; auto. rewrite H, IH; auto.
Qed.

Lemma sum_le f g l : (forall a, In a l -> f a <= g a) -> sum f l <= sum g l.
Proof.
  induction l as [|a l IH]; simpl; intros H; [lra|].
  apply Rplus_le_compat; auto.
Qed.

Lemma sum_lt f g l : (forall a, In a l -> f a <= g a) -> (exists a, In a l /\ f a < g a) -> sum f l < sum g l.
Proof.
  induction l as [|a l IH]; simpl; intros H [b [I L]]; [tauto|]. destruct I as [->|I].
  - apply Rplus_lt_le_compat; [exact L|apply sum_le; auto].
  - apply Rplus_le_lt_compat; [auto|]. apply IH; [auto|now exists b].
Qed.

Lemma sum_plus f g l : sum (fun a => f a + g a) l = sum f l + sum g l.
Proof. induction l; simpl; lra. Qed.

Lemma sum_minus f g l : sum (fun a => f a - g a) l = sum f l - sum g l.
Proof. induction l; simpl; lra. Qed.

Lemma sum_scale c f l : sum (fun a => c * f a) l = c * sum f l.
Proof. induction l; simpl; lra. Qed.

Lemma sum_zero l : sum (fun _ => 0) l = 0.
Proof. induction l; simpl; lra. Qed.

Lemma sum_null f l : (forall a, In a l -> f a = 0) -> sum f l = 0.
Proof. intro H. now rewrite (sum_ext f (fun _ => 0)), sum_zero. Qed.

Lemma sum_nonneg f l : (forall a, In a l -> 0 <= f a) -> 0 <= sum f l.
Proof. intro H. rewrite <- (sum_zero l). now apply sum_le. Qed.

Lemma sum_pos f l : (forall a, In a l -> 0 <= f a) -> (exists a, In a l /\ 0 < f a) -> 0 < sum f l.
Proof. intros H E. rewrite <- (sum_zero l). now apply sum_lt. Qed.

Lemma sum_member f l a : (forall b, In b l -> 0 <= f b) -> In a l -> f a <= sum f l.
Proof.
  induction l as [|b l IH]; simpl; intros H I; [tauto|]. destruct I as [->|I].
  - pose proof (sum_nonneg f l ltac:(auto)). lra.
  - specialize (IH ltac:(auto) I). specialize (H b ltac:(auto)). lra.
Qed.

(** A sum of terms of which none is negative vanishes only if every term does. *)
Lemma sum_nonneg_null f l : (forall a, In a l -> 0 <= f a) -> sum f l <= 0 -> forall a, In a l -> f a = 0.
Proof. intros H S a I. pose proof (sum_member f l a H I). specialize (H a I). lra. Qed.

Lemma sum_app f l m : sum f (l ++ m) = sum f l + sum f m.
Proof. induction l; simpl; lra. Qed.

Lemma sum_map {U} (h : U -> T) f (m : list U) : sum f (map h m) = sum (fun a => f (h a)) m.
Proof. induction m; simpl; congruence. Qed.

Lemma sum_swap {U} (f : T -> U -> R) l (m : list U) :
  sum (fun a => sum (f a) m) l = sum (fun b => sum (fun a => f a b) l) m.
Proof.
  induction l; simpl.
  - induction m; simpl; lra.
  - rewrite IHl. clear IHl. induction m; simpl; lra.
Qed.

Lemma sum_cv (f : nat -> T -> R) g l :
  (forall a, In a l -> Un_cv (fun n => f n a) (g a)) -> Un_cv (fun n => sum (f n) l) (sum g l).
Proof.
  induction l as [|a l IH]; simpl; intro H.
  - intros eps P. exists O. intros. unfold R_dist. rewrite Rminus_eq_0, Rabs_R0. lra.
  - apply CV_plus; auto.
Qed.

Lemma sum_derivative (f f' : T -> R -> R) l t :
  (forall a, In a l -> derivable_pt_lim (f a) t (f' a t)) ->
  derivable_pt_lim (fun s => sum (fun a => f a s) l) t (sum (fun a => f' a t) l).
Proof.
  induction l as [|a l IH]; simpl; intro H.
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_plus (f a) (fun s => sum (fun a => f a s) l)); auto.
Qed.
End Sums.

Lemma sum_Rabs {T} (f : T -> R) l : Rabs (sum f l) <= sum (fun a => Rabs (f a)) l.
Proof. induction l as [|a l IH]; simpl; [rewrite Rabs_R0; lra|]. eapply Rle_trans; [apply Rabs_triang|]. lra. Qed.

Lemma sum_constant {T} c (l : list T) : sum (fun _ => c) l = INR (length l) * c.
Proof. induction l as [|a l IH]; [simpl; ring|]. cbn [sum length]. rewrite S_INR, IH. ring. Qed.

Lemma sum_filter {T} (f : T -> R) (q : T -> bool) l :
  sum f l = sum f (filter q l) + sum f (filter (fun a => negb (q a)) l).
Proof. induction l as [|a l IH]; simpl; [ring|]. rewrite IH. destruct (q a); simpl; ring. Qed.

Lemma sum_filter_le {T} (f : T -> R) (q : T -> bool) l : (forall a, In a l -> 0 <= f a) ->
  0 <= sum f (filter q l) <= sum f l.
Proof.
  intro H. assert (K : forall q, 0 <= sum f (filter q l)).
  { intro k. apply sum_nonneg. intros a I. apply filter_In in I. apply H, I. }
  rewrite (sum_filter f q l). pose proof (K q). pose proof (K (fun a => negb (q a))). lra.
Qed.

Lemma sum_delta (h : nat -> R) k l : NoDup l -> In k l -> sum (fun i => if Nat.eqb k i then h i else 0) l = h k.
Proof.
  induction l as [|a l IH]; simpl; intros ND I; [tauto|]. inversion ND; subst.
  destruct (Nat.eqb_spec k a) as [->|D].
  - rewrite sum_null; [lra|]. intros b Hb. destruct (Nat.eqb_spec a b); subst; tauto.
  - destruct I; [congruence|]. rewrite IH; auto; lra.
Qed.

Lemma cv_constant c : Un_cv (fun _ => c) c.
Proof. intros eps P. exists O. intros. unfold R_dist. rewrite Rminus_eq_0, Rabs_R0. lra. Qed.

(** A limit of numbers that are infinitely often equal to those of a sequence with limit b is b. *)
Lemma cv_visits (a b : nat -> R) u v : Un_cv a u -> Un_cv b v ->
  (forall n, exists m, (n <= m)%nat /\ a m = b m) -> u = v.
Proof.
  intros A B V. apply Rminus_diag_uniq. destruct (Req_dec (u - v) 0) as [|D]; auto. exfalso.
  pose proof (Rabs_pos_lt _ D) as P.
  destruct (A (Rabs (u - v) / 2) ltac:(lra)) as [na HA]. destruct (B (Rabs (u - v) / 2) ltac:(lra)) as [nb HB].
  destruct (V (na + nb)%nat) as [m [L E]].
  assert (K1 := HA m ltac:(unfold ge; eapply Nat.le_trans; [apply Nat.le_add_r|exact L])).
  assert (K2 := HB m ltac:(unfold ge; eapply Nat.le_trans; [apply Nat.le_add_l|exact L])).
  rewrite E in K1. unfold R_dist in *.
  assert (Rabs (u - v) <= Rabs (b m - v) + Rabs (b m - u)).
  { replace (u - v) with ((b m - v) + - (b m - u)) by ring.
    rewrite <- (Rabs_Ropp (b m - u)). apply Rabs_triang. }
  lra.
Qed.
